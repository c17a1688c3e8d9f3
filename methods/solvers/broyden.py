"""Broyden's good method, for each sample of a batch on its own."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from methods.solvers.history import add_combination, overlaps
from methods.solvers.proposal import Proposal
from methods.solvers.samples import select

MAX_UPDATES = 60  # after which the estimates of active samples start again from H = I
SMALLEST_PIVOT = 1e-8  # sᵀ H y relative to |s|²; an update below it is skipped


class BroydenInverse(Proposal):
    """Proposes z + H (f(z) - z), with H = I + Σ uᵢ vᵢᵀ the estimate of (I - J)⁻¹.

    H is updated so that H y = s for the last step s and the change y of z - f(z) over it:
    H ← H + (s - H y) sᵀH / (sᵀ H y). That of a sample that has ended stays as it is, so that it
    does not depend on the others. Source: Broyden, "A Class of Methods for Solving Nonlinear
    Simultaneous Equations", Math. Comp. 1965, method 1.
    """

    def __init__(self, start: Tensor) -> None:
        self.left = start.new_zeros(len(start), 0, start[0].numel())  # the uᵢ
        self.right = self.left  # the vᵢ
        self.used = 0  # updates that are kept
        self._next = 0  # where the next one is put
        self._last: tuple[Tensor, Tensor] | None = None  # z and f(z) - z

    def next(self, active: Sequence[bool]) -> Tensor:
        """The next iterate of the active samples from z, f(z) and f(z) - z, all (N, ...)."""
        z, difference = self.z, self.difference
        if self._last is not None:
            before, difference_before = self._last
            step, change = z - before, difference_before - difference
            self._update(step.flatten(1), change.flatten(1), active)
        self._last = z, difference
        return z + self.apply(difference.flatten(1)).view_as(z)

    def apply(self, vector: Tensor) -> Tensor:
        """H v for v (N, n)."""
        return _low_rank(self.left[:, : self.used], self.right[:, : self.used], vector)

    def apply_transposed(self, vector: Tensor) -> Tensor:
        """Hᵀ v for v (N, n)."""
        return _low_rank(self.right[:, : self.used], self.left[:, : self.used], vector)

    def _update(self, step: Tensor, change: Tensor, active: Sequence[bool]) -> None:
        if self._next == MAX_UPDATES:
            self._restart(active)
        mapped, row = self.apply(change), self.apply_transposed(step)
        pivot = (step * mapped).sum(1, keepdim=True)
        usable = pivot.abs() > SMALLEST_PIVOT * step.square().sum(1, keepdim=True)
        left = (step - mapped) / torch.where(usable, pivot, 1)
        self._reserve()
        self._put(torch.where(usable, left, 0), row, active)

    def _put(self, left: Tensor, right: Tensor, active: Sequence[bool]) -> None:
        slot = self._next
        self.left[:, slot] = select(active, left, self.left[:, slot])
        self.right[:, slot] = select(active, right, self.right[:, slot])
        self._next += 1
        self.used = max(self.used, self._next)

    def _restart(self, active: Sequence[bool]) -> None:
        self.left = select(active, torch.zeros_like(self.left), self.left)
        self.right = select(active, torch.zeros_like(self.right), self.right)
        self._next = 0

    def _reserve(self) -> None:
        """Make room for one more update, by doubling, so that short solves stay small."""
        if self._next < self.left.shape[1]:
            return
        count, room, length = self.left.shape
        more = self.left.new_zeros(count, min(max(room, 8), MAX_UPDATES - room), length)
        self.left, self.right = torch.cat([self.left, more], 1), torch.cat([self.right, more], 1)


def _low_rank(left: Tensor, right: Tensor, vector: Tensor) -> Tensor:
    """v + Σ uᵢ (vᵢᵀ v)."""
    return add_combination(vector, overlaps(right, vector), left)
