"""The loop that every solver of z = f(z) shares.

Solvers differ only in how they propose the next iterate from z, f(z) and f(z) - z. A sample that
has converged or stagnated goes on with the others, which costs nothing; its result is kept.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from methods.solvers.anderson import AndersonMixing
from methods.solvers.broyden import BroydenInverse
from methods.solvers.convergence import ConvergenceMonitor, Status
from methods.solvers.proposal import Picard, Proposal
from methods.solvers.samples import BestSoFar, select

Map = Callable[[Tensor], Tensor]
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

    @torch.no_grad()
    def solve(
        self,
        function: Map,
        start: Tensor,
        *,
        propose: Proposal | None = None,
        relative: bool = True,
    ) -> Solution:
        """Iterate from `start` (N, ...) until every sample has ended, or to the limit.

        The result of a sample is fixed when it ends, so that it does not depend on the others; it
        has no graph.
        propose: in place of the own proposal; relative: the residual is |f(z) - z| relative
        to |f(z)|, else |f(z) - z| itself.
        """
        propose = propose or self._proposal(start)
        monitor = ConvergenceMonitor(len(start), self.tolerance)
        z, best = start, BestSoFar(start)
        for evaluation in range(1, self.max_iterations + 1):
            value = function(z)
            best.update(monitor.update(propose.measure(z, value, relative)), value)
            if monitor.finished or evaluation == self.max_iterations:
                break
            z = select(monitor.finite, propose.next(monitor.active), z)
        residuals, statuses = tuple(monitor.best), tuple(monitor.statuses)
        return Solution(best.result(), residuals, evaluation, self.tolerance, statuses)

    def _proposal(self, start: Tensor) -> Proposal:
        if self.name == "fixed_point":
            return Picard()
        if self.name == "anderson":
            return AndersonMixing(start, self.memory)
        if self.name == "broyden":
            return BroydenInverse(start)
        raise ValueError(f"unknown solver {self.name!r}: choose from {', '.join(NAMES)}")
