"""The convergence of the solves, summed over a phase of a run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field

from methods.solvers.iterate import Solution


@dataclass
class SolveLog:
    """The convergence of one kind of solve, summed over its calls."""

    samples: int = 0
    converged: float = 0.0
    last_residual: float = float("nan")
    statuses: Counter[str] = field(default_factory=Counter)  # samples, by how they ended

    def add(self, solution: Solution) -> None:
        """Add the solve of one batch."""
        count = len(solution.residuals)
        self.samples += count
        self.converged += solution.converged_fraction * count
        self.last_residual = sum(solution.residuals) / count
        self.statuses.update(solution.statuses)

    @property
    def converged_fraction(self) -> float:
        """The fraction of all samples that converged; NaN if nothing was solved."""
        return self.converged / self.samples if self.samples else float("nan")


@dataclass
class Trace:
    """The forward and the adjoint solves of one phase of a run."""

    forward: SolveLog = field(default_factory=SolveLog)
    adjoint: SolveLog = field(default_factory=SolveLog)

    def clear(self) -> None:
        """Remove what has been added so far."""
        self.forward, self.adjoint = SolveLog(), SolveLog()
