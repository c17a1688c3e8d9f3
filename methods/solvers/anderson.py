"""Anderson acceleration, for each sample of a batch on its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from methods.solvers.proposal import Proposal

# Of the diagonal of the Gram matrix, entry by entry, so that scales do not matter.
REGULARISATION = 1e-7
# Added to it, so that residuals that are zero leave it regular: far below any that is not.
FLOOR = 1e-290


class AndersonMixing(Proposal):
    """Proposes the mixture of the last f(z) whose mixed residual is smallest.

    minimise |Σ αᵢ (f(zᵢ) - zᵢ)| subject to Σ αᵢ = 1, then z = Σ αᵢ f(zᵢ). The Gram matrix of the
    residuals is kept, so that an iteration costs one product with the history and not m; its
    diagonal holds their squared norms. What an iteration reads and writes is prepared once: beside
    a fast T it is the number of operations that counts, more than their size.
    Source: Walker and Ni, "Anderson Acceleration for Fixed-Point Iterations", 2011, eq. (1.2).
    """

    def __init__(self, start: Tensor, memory: int) -> None:
        count, length = len(start), start[0].numel()
        self._shape, self._flat = start.shape, (count, 1, length)
        # Slot by slot, so that each is written in one piece.
        self._values = start.new_empty(memory, count, 1, length)
        self._residuals = torch.empty_like(self._values)
        self._slots = list(zip(self._values.unbind(), self._residuals.unbind(), strict=True))
        # In double precision, so that the squares of small residuals do not cancel.
        self._gram = start.new_zeros(count, memory, memory, dtype=torch.float64)
        identity = torch.eye(memory).to(self._gram)
        self._scale, self._floor = 1 + REGULARISATION * identity, FLOOR * identity
        self._ones = self._gram.new_ones(count, memory, 1)
        self._mixture = start.new_empty(count, memory, 1)
        self._calls = 0

    def measure(self, z: Tensor, value: Tensor, relative: bool) -> list[float]:
        """Put f(z) and f(z) - z into the history; the norms come from the Gram matrix."""
        slot = self._calls % len(self._slots)
        self._calls += 1
        if self._calls <= len(self._slots):
            self._use(self._calls)
        kept, residual = self._slots[slot]
        flat = value.reshape(self._flat)
        torch.sub(flat, z.reshape(self._flat), out=residual)
        kept.copy_(flat)
        products = torch.bmm(residual, self._used_residuals)
        self._rows[slot].copy_(products)
        self._columns[slot].copy_(products)
        sizes = torch.linalg.vector_norm(flat, dim=2) if relative else None
        steps = [square**0.5 for (square,) in products[:, :, slot].tolist()]
        if sizes is None:
            return steps
        tiny = torch.finfo(sizes.dtype).tiny
        return [step / max(size, tiny) for step, (size,) in zip(steps, sizes.tolist(), strict=True)]

    def next(self, active: Sequence[bool]) -> Tensor:
        """The mixture, of all samples."""
        weights, _ = torch.linalg.solve_ex(torch.addcmul(*self._system), self._used_ones)
        torch.div(weights, weights.sum(1, keepdim=True), out=self._used_mixture)
        return torch.bmm(self._used_mixture.mT, self._used_values).view(self._shape)

    def _use(self, count: int) -> None:
        """Let the history be that of the first `count` slots."""
        gram = self._gram[:, :count, :count]
        self._rows, self._columns = gram.split(1, 1), gram.mT.split(1, 1)
        self._system = self._floor[:count, :count], gram, self._scale[:count, :count]
        self._used_ones, self._used_mixture = self._ones[:, :count], self._mixture[:, :count]
        self._used_values = self._values[:count, :, 0].transpose(0, 1)
        self._used_residuals = self._residuals[:count, :, 0].permute(1, 2, 0)
