"""The forward solver that all methods share: no graph, the trace, whether it was used."""

from __future__ import annotations

import math

import pytest
import torch

from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.trace import Trace
from tests.support.linear_maps import linear_maps


def test_forward_solver_keeps_no_graph_and_fills_the_trace() -> None:
    function, expected = linear_maps(0.5, 0.5)
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)
    trace = Trace()
    forward = ForwardSolver(Solver("fixed_point", 1e-8, 100), trace)
    start = torch.zeros_like(expected).requires_grad_()
    z_star = forward(lambda z: weight * function(z), start)
    assert not z_star.requires_grad
    assert trace.forward.converged_fraction == 1
    assert trace.forward.samples == 2
    ForwardSolver(Solver("fixed_point", 1e-8, 2), trace)(function, start)
    assert trace.forward.converged_fraction == 0.5
    assert trace.forward.last_residual > 1e-8
    trace.clear()
    assert trace.forward.samples == 0
    assert math.isnan(trace.forward.converged_fraction)


def test_forward_solver_knows_whether_it_was_used() -> None:
    """A residual that a method reports by itself is no use of the solver."""
    function, expected = linear_maps(0.5)
    called, read, reported = (ForwardSolver(Solver()) for _ in range(3))
    called(function, torch.zeros_like(expected))
    assert read.solver == Solver()
    reported.report_residual(expected, expected, 1)
    assert [forward.was_used for forward in (called, read, reported)] == [True, True, False]


def test_reported_residual_is_that_of_the_last_step() -> None:
    forward = ForwardSolver(Solver(tolerance=0.3))
    value = torch.tensor([[3.0, 4.0], [0.0, 2.0]])
    forward.report_residual(torch.tensor([[3.0, 3.0], [0.0, 1.0]]), value, 4)
    assert forward.trace.forward.converged_fraction == 0.5  # 1/5 and 1/2
    assert forward.trace.forward.last_residual == pytest.approx((0.2 + 0.5) / 2)
