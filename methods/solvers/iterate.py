"""The loop that every solver of z = f(z) shares.

Solvers differ only in how they propose the next iterate from z, f(z) and f(z) - z; what they
propose for a sample that has ended is not used.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.solvers.anderson import AndersonMixing
from methods.solvers.broyden import BroydenInverse
from methods.solvers.convergence import ConvergenceMonitor, Status
from methods.solvers.samples import BestSoFar, select

Map = Callable[[Tensor], Tensor]
Proposal = Callable[[Tensor, Tensor, Tensor, Sequence[bool]], Tensor]
NAMES = ("anderson", "broyden", "fixed_point")


@dataclass(frozen=True)
class Solution:
    """What a solver found.

    value: f at the best iterate of each sample, shaped as the start; residuals: of each sample
    there, infinite if it had no finite iterate; evaluations: of f, or products with the Jacobian;
    tolerance: of the residual; statuses: how the solve of each sample ended.
    """

    value: Tensor
    residuals: tuple[float, ...]
    evaluations: int
    tolerance: float
    statuses: tuple[Status, ...] = ()

    @classmethod
    def judged(
        cls, value: Tensor, residuals: tuple[float, ...], evaluations: int, tolerance: float
    ) -> Solution:
        """What another solver found, with the statuses that follow from its last residuals."""
        monitor = ConvergenceMonitor(len(residuals), tolerance)
        monitor.update(residuals)
        return cls(value, residuals, evaluations, tolerance, tuple(monitor.statuses))

    @property
    def converged_fraction(self) -> float:
        """The fraction of samples whose residual is at most the tolerance."""
        return sum(value <= self.tolerance for value in self.residuals) / len(self.residuals)


@dataclass(frozen=True)
class Solver:
    """A solver of z = f(z) and its limits.

    name: "anderson" (Walker and Ni, SIAM J. Numer. Anal. 2011), "broyden" (Broyden, Math. Comp.
    1965) or "fixed_point" (Picard); tolerance: of the relative residual of each sample;
    max_iterations: evaluations of f at most; memory: past iterates that Anderson mixes.
    """

    name: str = "anderson"
    tolerance: float = 1e-3
    max_iterations: int = 60
    memory: int = 5

    def solve(
        self,
        function: Map,
        start: Tensor,
        *,
        propose: Proposal | None = None,
        relative: bool = True,
    ) -> Solution:
        """Iterate from `start` (N, ...) until every sample has ended, or to the limit.

        A sample that has ended stays as it is, so that its result does not depend on the others.
        propose: in place of the solver's own proposal, from z, f(z), f(z) - z and the samples that
        have not ended; relative: the residual is |f(z) - z| relative to |f(z)|, else |f(z) - z|
        itself.
        """
        propose = propose or self._proposal(start)
        monitor = ConvergenceMonitor(len(start), self.tolerance)
        z, best = start, BestSoFar(start)
        for evaluation in range(1, self.max_iterations + 1):
            value = function(z)
            difference = value - z
            best.update(monitor.update(_sizes(difference, value, relative)), value)
            if monitor.finished or evaluation == self.max_iterations:
                break
            active = monitor.active
            z = select(active, propose(z, value, difference, active), z)
        residuals, statuses = tuple(monitor.best), tuple(monitor.statuses)
        return Solution(best.result(), residuals, evaluation, self.tolerance, statuses)

    def _proposal(self, start: Tensor) -> Proposal:
        if self.name == "fixed_point":
            return lambda z, value, difference, active: value
        if self.name == "anderson":
            return AndersonMixing(start, self.memory)
        if self.name == "broyden":
            return BroydenInverse(start)
        raise ValueError(f"unknown solver {self.name!r}: choose from {', '.join(NAMES)}")


def relative_residuals(z: Tensor, value: Tensor) -> tuple[float, ...]:
    """|value - z| / |value| for each sample of (N, ...); 0 where both are zero."""
    return tuple(_sizes(value - z, value, relative=True))


def _sizes(difference: Tensor, value: Tensor, relative: bool) -> list[float]:
    step = torch.linalg.vector_norm(difference.flatten(1), dim=1)
    if relative:
        size = torch.linalg.vector_norm(value.flatten(1), dim=1)
        step = step / size.clamp_min_(torch.finfo(size.dtype).tiny)
    sizes: list[float] = step.tolist()
    return sizes
