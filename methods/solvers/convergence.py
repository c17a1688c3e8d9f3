"""Convergence of a solve, for each sample: which improved, which has ended, and how."""

from __future__ import annotations

import math
from collections.abc import Sequence
from enum import StrEnum

PATIENCE = 30  # residuals in a row without a new smallest one
BLOW_UP = 1e6  # times the smallest residual


class Status(StrEnum):
    """How the solve of one sample ended.

    ITERATION_LIMIT: still improving; STAGNATED: no smaller residual for a while, as at the
    precision of the numbers; DIVERGED: the residual grew without bound or was not finite.
    """

    CONVERGED = "converged"
    ITERATION_LIMIT = "iteration_limit"
    STAGNATED = "stagnated"
    DIVERGED = "diverged"


class ConvergenceMonitor:
    """The smallest residual and the status of each of `count` samples."""

    def __init__(self, count: int, tolerance: float) -> None:
        self.tolerance = tolerance
        self.best = [math.inf] * count
        self.statuses = [Status.ITERATION_LIMIT] * count
        self._without_progress = [0] * count

    @property
    def active(self) -> list[bool]:
        """The samples that have not ended."""
        return [status is Status.ITERATION_LIMIT for status in self.statuses]

    @property
    def finite(self) -> list[bool]:
        """The samples that have not diverged."""
        return [status is not Status.DIVERGED for status in self.statuses]

    @property
    def finished(self) -> bool:
        """Whether all samples have ended."""
        return Status.ITERATION_LIMIT not in self.statuses

    def mark_stagnated(self) -> None:
        """End the samples that have not ended, as stagnated."""
        for index, active in enumerate(self.active):
            if active:
                self.statuses[index] = Status.STAGNATED

    def update(self, residuals: Sequence[float]) -> list[bool]:
        """Add one residual per sample; whether each is the smallest so far of an active sample."""
        return [self._update(index, residual) for index, residual in enumerate(residuals)]

    def _update(self, index: int, residual: float) -> bool:
        if self.statuses[index] is not Status.ITERATION_LIMIT:
            return False
        if not residual <= BLOW_UP * self.best[index] or math.isinf(residual):
            self.statuses[index] = Status.DIVERGED
            return False
        improved = residual < self.best[index]
        self._without_progress[index] = 0 if improved else self._without_progress[index] + 1
        if improved:
            self.best[index] = residual
        if residual <= self.tolerance:
            self.statuses[index] = Status.CONVERGED
        elif self._without_progress[index] >= PATIENCE:
            self.statuses[index] = Status.STAGNATED
        return improved
