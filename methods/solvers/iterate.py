"""One loop for every fixed-point solver: what is evaluated, when it stops, what is kept.

A solver differs from another only in how it proposes the next iterate from the pair (z, f(z)).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.solvers.anderson import AndersonMixing

Map = Callable[[Tensor], Tensor]
Proposal = Callable[[Tensor, Tensor], Tensor]
NAMES = ("anderson", "fixed_point")


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    value: f(z) at the best iterate z of each sample, shaped as the start; residuals: for each
    sample |f(z) - z| / |f(z)| there, infinite where no finite iterate was met; evaluations of f;
    tolerance: what it stopped at.
    """

    value: Tensor
    residuals: tuple[float, ...]
    evaluations: int
    tolerance: float

    @property
    def converged_fraction(self) -> float:
        """The fraction of samples whose residual is at most the tolerance."""
        return sum(value <= self.tolerance for value in self.residuals) / len(self.residuals)


@dataclass(frozen=True)
class Solver:
    """A solver of z = f(z) and its limits.

    name: "anderson" (Walker and Ni, SIAM J. Numer. Anal. 2011) or "fixed_point" (Picard);
    tolerance: of the relative residual of each sample; max_iterations: evaluations of f at most;
    memory: past iterates that Anderson mixes.
    """

    name: str = "anderson"
    tolerance: float = 1e-3
    max_iterations: int = 60
    memory: int = 5

    def solve(self, function: Map, start: Tensor) -> Solution:
        """Iterate from `start` (N, ...) until every sample has converged, or the limit."""
        propose = self._proposal(start)
        z, best, residuals = start, start, (math.inf,) * len(start)
        for evaluation in range(1, self.max_iterations + 1):
            value = function(z)
            new = relative_residuals(z, value)
            best = _keep_best(best, residuals, value, new)
            residuals = tuple(map(_smaller, new, residuals))
            if max(residuals) <= self.tolerance or not all(map(math.isfinite, new)):
                break
            if evaluation < self.max_iterations:
                z = propose(z, value)
        return Solution(best, residuals, evaluation, self.tolerance)

    def _proposal(self, start: Tensor) -> Proposal:
        if self.name == "fixed_point":
            return lambda z, value: value
        if self.name == "anderson":
            return AndersonMixing(start, self.memory)
        raise ValueError(f"unknown solver {self.name!r}; one of {', '.join(NAMES)}")


def relative_residuals(z: Tensor, value: Tensor) -> tuple[float, ...]:
    """|value - z| / |value| for each sample of (N, ...); 0 where both are zero."""
    step = torch.linalg.vector_norm((value - z).flatten(1), dim=1)
    size = torch.linalg.vector_norm(value.flatten(1), dim=1)
    return tuple((step / size.clamp_min(torch.finfo(size.dtype).tiny)).tolist())


def _keep_best(
    best: Tensor, old: tuple[float, ...], value: Tensor, new: tuple[float, ...]
) -> Tensor:
    improved = [_smaller(a, b) < b for a, b in zip(new, old, strict=True)]
    if all(improved):
        return value
    if not any(improved):
        return best
    mask = torch.tensor(improved, device=value.device).view(-1, *[1] * (value.ndim - 1))
    return torch.where(mask, value, best)


def _smaller(new: float, old: float) -> float:
    return new if new < old else old  # a NaN is never smaller
