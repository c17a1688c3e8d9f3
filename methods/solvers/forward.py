"""The forward solver that all gradient methods share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import torch
from torch import Tensor

from methods.solvers.iterate import Solution, Solver, relative_residuals
from methods.solvers.trace import Trace
from methods.solvers.watch import Watch


@dataclass
class ForwardSolver:
    """Finds the fixed point without a graph, and notes in `trace` how far it came."""

    solver: Solver
    trace: Trace = field(default_factory=Trace)

    @torch.no_grad()
    def __call__(self, layer: Callable[[Tensor], Tensor], z0: Tensor) -> Tensor:
        """The fixed point of `layer` from z0 (N, C, H, W), detached."""
        solution = self.solver.solve(layer, z0.detach())
        self.trace.forward.add(solution)
        return solution.value

    def report_residual(self, z: Tensor, value: Tensor, evaluations: int) -> None:
        """Note the residual of a method that iterates T by itself: value = T(z)."""
        watch = Watch(len(z), self.solver.tolerance)
        residuals = relative_residuals(z, value)
        watch.judge(residuals)
        statuses = tuple(watch.statuses)
        self.trace.forward.add(
            Solution(value, residuals, evaluations, self.solver.tolerance, statuses)
        )
