"""The forward solver that all gradient methods share."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from methods.solvers.iterate import Solution, Solver
from methods.solvers.proposal import relative_residuals
from methods.solvers.trace import Trace


class ForwardSolver:
    """Finds the fixed point without a graph, and adds its convergence to `trace`.

    was_used: whether it has been called, or its `solver` read, so that its tolerance mattered.
    state: what a method wants to find again in the next training step, by names of its choice:
    tensors without a graph, numbers, text, and lists, tuples and dictionaries of these. It begins
    empty, is part of the checkpoints, and is empty at test time. samples: the indices (N,) of this
    batch among the training images, None outside of training. points: the last fixed point of each
    training image, by its index, from which the next solve begins; None: it begins from z₀.
    """

    def __init__(
        self,
        solver: Solver,
        trace: Trace | None = None,
        state: dict[str, Any] | None = None,
        samples: Tensor | None = None,
        points: dict[int, Tensor] | None = None,
    ) -> None:
        self._solver = solver
        self._state = {} if state is None else state
        self.samples, self._points = samples, points
        self.trace = Trace() if trace is None else trace
        self.was_used = False

    @property
    def solver(self) -> Solver:
        """The solver and its limits, for a method that solves in a way of its own."""
        self.was_used = True
        return self._solver

    @property
    def state(self) -> dict[str, Any]:
        """What the method keeps; it writes into it."""
        return self._state

    @torch.no_grad()
    def __call__(self, layer: Callable[[Tensor], Tensor], z0: Tensor) -> Tensor:
        """The fixed point of `layer` from z0 (N, C, H, W), detached."""
        solution = self.solver.solve(layer, self.start(z0))
        self.trace.forward.add(solution)
        self.keep(solution.value)
        return solution.value

    def start(self, z0: Tensor) -> Tensor:
        """Where to begin, detached: at z0 (N, C, H, W), or what was kept of a sample.

        For a method that solves in a way of its own, which hands what it finds to `keep`.
        """
        if self._points is None or self.samples is None:
            return z0.detach()
        pairs = zip(self.samples.tolist(), z0.detach(), strict=True)
        return torch.stack([self._points.get(sample, start) for sample, start in pairs])

    def keep(self, z_star: Tensor) -> None:
        """Keep the fixed points (N, C, H, W), from which `start` begins in the next visit."""
        if self._points is None or self.samples is None:
            return
        for sample, point in zip(self.samples.tolist(), z_star.detach(), strict=True):
            self._points[sample] = point.clone()  # a view would keep the whole batch

    def report_residual(self, z: Tensor, value: Tensor, evaluations: int) -> None:
        """Add the residual of a method that iterates T by itself; value = T(z)."""
        self.report_residuals(value, relative_residuals(z, value), evaluations)

    def report_residuals(
        self, value: Tensor, residuals: tuple[float, ...], evaluations: int
    ) -> None:
        """Add the relative residuals of the samples of an image, or an upper bound of them."""
        tolerance = self._solver.tolerance
        self.trace.forward.add(Solution.judged(value, residuals, evaluations, tolerance))
