"""Anderson acceleration, for each sample of a batch on its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from methods.solvers.history import combination, overlaps

# Of the diagonal of the Gram matrix, entry by entry, so that scales do not matter.
REGULARISATION = 1e-7


class AndersonMixing:
    """Proposes the mixture of the last f(z) whose mixed residual is smallest.

    minimise |Σ αᵢ (f(zᵢ) - zᵢ)| subject to Σ αᵢ = 1, then z = Σ αᵢ f(zᵢ). The Gram matrix of the
    residuals is kept, so that an iteration costs one product with the history and not m.
    Source: Walker and Ni, "Anderson Acceleration for Fixed-Point Iterations", 2011, eq. (1.2).
    """

    def __init__(self, start: Tensor, memory: int) -> None:
        count, length = len(start), start[0].numel()
        self.memory = memory
        self.values = start.new_zeros(count, memory, length)
        self.residuals = start.new_zeros(count, memory, length)
        # In double precision, so that the squares of small residuals neither underflow nor cancel.
        self.gram = start.new_zeros(count, memory, memory, dtype=torch.float64)
        self.ones = self.gram.new_ones(count, memory, 1)
        self.calls = 0

    def __call__(
        self, z: Tensor, value: Tensor, difference: Tensor, active: Sequence[bool]
    ) -> Tensor:
        """The next iterate from z, f(z) and f(z) - z, all (N, ...)."""
        slot = self.calls % self.memory
        self.calls += 1
        used = min(self.calls, self.memory)
        residual = difference.flatten(1)
        self.values[:, slot] = value.flatten(1)
        self.residuals[:, slot] = residual
        products = overlaps(self.residuals[:, :used], residual).squeeze(1)
        products[:, slot] *= 1 + REGULARISATION
        self.gram[:, slot, :used] = products
        self.gram[:, :used, slot] = products
        weights, _ = torch.linalg.solve_ex(self.gram[:, :used, :used], self.ones[:, :used])
        weights = (weights / weights.sum(1, keepdim=True)).to(value.dtype)
        return combination(weights.transpose(1, 2), self.values[:, :used]).view_as(value)
