"""The forward solver that all gradient methods share."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.solvers.iterate import Solution, Solver, relative_residuals
from methods.solvers.trace import Trace


class ForwardSolver:
    """Finds the fixed point without a graph, and adds its convergence to `trace`.

    was_used: whether it has been called, or its `solver` read, so that its tolerance mattered.
    """

    def __init__(self, solver: Solver, trace: Trace | None = None) -> None:
        self._solver = solver
        self.trace = Trace() if trace is None else trace
        self.was_used = False

    @property
    def solver(self) -> Solver:
        """The solver and its limits, for a method that solves in a way of its own."""
        self.was_used = True
        return self._solver

    @torch.no_grad()
    def __call__(self, layer: Callable[[Tensor], Tensor], z0: Tensor) -> Tensor:
        """The fixed point of `layer` from z0 (N, C, H, W), detached."""
        solution = self.solver.solve(layer, z0.detach())
        self.trace.forward.add(solution)
        return solution.value

    def report_residual(self, z: Tensor, value: Tensor, evaluations: int) -> None:
        """Add the residual of a method that iterates T by itself; value = T(z)."""
        residuals = relative_residuals(z, value)
        tolerance = self._solver.tolerance
        self.trace.forward.add(Solution.judged(value, residuals, evaluations, tolerance))
