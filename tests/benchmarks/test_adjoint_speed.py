"""The adjoint solvers on one system: products with J or Jᵀ, and time, to two residuals."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from bench.measurement.training import training_loss
from methods.solvers.adjoint import ADJOINT_SOLVERS, AdjointSolver
from methods.solvers.iterate import Solution, Solver
from methods.solvers.products import JacobianProducts
from tests.benchmarks.conftest import quick_config, quick_model, training_data
from tests.benchmarks.contest import BATCH, Arena, announce, arena, median_times

LIMIT = 3000
RESIDUALS = 1e-3, 1e-4


def first_weights() -> Arena:
    """The quick layer at 32 pixels before training."""
    config = quick_config("jfb")
    physics, pairs = training_data(config, BATCH)
    return Arena("first", quick_model(config, physics), pairs, float("nan"))


@pytest.mark.parametrize("weights", ["first", "trained"])
def test_adjoint_solvers(benchmark: Any, weights: str) -> None:
    case = first_weights() if weights == "first" else arena("32")
    layer, start = case.condition()
    with torch.no_grad():
        z_star = Solver("anderson", 1e-6, 500).solve(layer, start).value
    point = z_star.requires_grad_()
    value = layer(point)
    image = value.detach().requires_grad_()
    (g,) = torch.autograd.grad(training_loss("psnr", image, case.pairs.clean), image)
    used: dict[str, int] = {}

    def solve(name: str, residual: float) -> Solution:
        products = JacobianProducts(value, point, lambda vector: None)
        with torch.no_grad():
            found = AdjointSolver(name, residual, LIMIT).solve(products, g)
        used[f"{name} to {residual:g}"] = products.used
        assert found.converged_fraction == 1
        return found

    work = {
        f"{name} to {residual:g}": lambda n=name, r=residual: solve(n, r)
        for name in ADJOINT_SOLVERS
        for residual in RESIDUALS
    }
    times = median_times(work, rounds=7)
    benchmark.pedantic(solve, ("gmres", RESIDUALS[0]), rounds=5)
    announce(
        f"products with J or Jᵀ, {weights} weights",
        [f"{name}: {used[name]} ({1e3 * times[name]:.0f} ms)" for name in work],
    )
