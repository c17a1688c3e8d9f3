"""Products with the Jacobian of T at one point, from one recorded application of T."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor


class JacobianProducts:
    """Jᵀ w and J v, with J = ∂T/∂z at `point`, for value = T(point) and its graph.

    count: called for each J v, which the counter of T does not see; used: all products so far.
    """

    def __init__(self, value: Tensor, point: Tensor, count: Callable[[Tensor], None]) -> None:
        self._value, self._point, self._count = value, point, count
        self._pulled: tuple[Tensor, Tensor] | None = None
        self.used = 0

    def transposed(self, w: Tensor) -> Tensor:
        """Jᵀ w for w shaped as T(z)."""
        self.used += 1
        (product,) = torch.autograd.grad(self._value, self._point, w, retain_graph=True)
        return product

    def forward(self, v: Tensor) -> Tensor:
        """J v for v shaped as z: the derivative of u -> Jᵀ u, which is linear, along v."""
        self.used += 1
        self._count(v)
        if self._pulled is None:
            self.used += 1
            probe = torch.zeros_like(v, requires_grad=True)
            with torch.enable_grad():
                (pulled,) = torch.autograd.grad(self._value, self._point, probe, create_graph=True)
            self._pulled = probe, pulled
        probe, pulled = self._pulled
        (product,) = torch.autograd.grad(pulled, probe, v, retain_graph=True)
        return product
