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
    batch among the training images, None outside of training.
    """

    def __init__(
        self,
        solver: Solver,
        trace: Trace | None = None,
        state: dict[str, Any] | None = None,
        samples: Tensor | None = None,
    ) -> None:
        self._solver = solver
        self._state = {} if state is None else state
        self.samples = samples
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
        solution = self.solver.solve(layer, z0.detach())
        self.trace.forward.add(solution)
        return solution.value

    def report_residual(self, z: Tensor, value: Tensor, evaluations: int) -> None:
        """Add the residual of a method that iterates T by itself; value = T(z)."""
        residuals = relative_residuals(z, value)
        tolerance = self._solver.tolerance
        self.trace.forward.add(Solution.judged(value, residuals, evaluations, tolerance))
