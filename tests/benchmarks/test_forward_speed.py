"""The forward solve to one measured residual, beside those of torchdeq and deepinv."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
import torch
from torch import Tensor
from torchdeq.solver import get_solver

from methods.deepinv_jfb import DeepinvJacobianFree
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.proposal import relative_residuals
from tests.benchmarks.contest import CASES, announce, arena, median_times

RESIDUAL = 1e-4
SHARED = Solver("anderson", RESIDUAL, 100, 5)  # the quick preset's
TIGHTER = (1.0, 0.7, 0.5, 0.3, 0.2, 0.1, 0.05, 0.02, 0.01)  # times RESIDUAL, until it is reached
Solve = Callable[[FixedPointMap, Tensor], Tensor]
TARGETS = {
    "torchdeq anderson, its defaults": 0.5,
    "torchdeq anderson": 0.5,
    "torchdeq broyden": 0.8,
    "deepinv anderson": 0.8,
}


def ours(layer: FixedPointMap, start: Tensor) -> Tensor:
    return ForwardSolver(SHARED)(layer, start)


def _torchdeq(name: str, tolerance: float, **options: Any) -> Solve:
    solver = get_solver(name)

    def solve(layer: FixedPointMap, start: Tensor) -> Tensor:
        found: Tensor = solver(layer, start, 500, tolerance, "rel", **options)[0]
        return found

    return solve


def _deepinv(tolerance: float, memory: int) -> Solve:
    solver = replace(SHARED, tolerance=tolerance, max_iterations=500, memory=memory)

    def solve(layer: FixedPointMap, start: Tensor) -> Tensor:
        return DeepinvJacobianFree().fixed_point(layer, start, ForwardSolver(solver))

    return solve


def settings(name: str) -> Iterator[Callable[[float], Solve]]:
    """The settings of a library that are tried, each with any tolerance."""
    for memory in (3, 5, 8):
        if name == "torchdeq anderson":
            for shift in (1e-4, 1e-10, 1e-16):
                yield lambda t, m=memory, s=shift: _torchdeq("anderson", t, m=m, lam=s)
        elif name == "deepinv anderson":
            yield lambda t, m=memory: _deepinv(t, m)
    if name == "torchdeq anderson, its defaults":
        yield lambda t: _torchdeq("anderson", t)
    if name == "torchdeq broyden":
        yield lambda t: _torchdeq("broyden", t)
        yield lambda t: _torchdeq("broyden", t, LBFGS_thres=10)


def reaching(case: str, setting: Callable[[float], Solve]) -> Solve | None:
    """The setting with the loosest tolerance that reaches RESIDUAL for every sample."""
    for factor in TIGHTER:
        solve = setting(factor * RESIDUAL)
        layer, start = arena(case).condition()
        found = solve(layer, start)
        if max(relative_residuals(found, layer(found))) <= RESIDUAL:
            return solve
    return None


@pytest.mark.parametrize("case", CASES)
@torch.no_grad()
def test_forward_solve(benchmark: Any, case: str) -> None:
    """Targets: 0.5 of torchdeq's Anderson, 0.8 of its Broyden and of deepinv's Anderson."""
    layer, start = arena(case).condition()
    found = ours(layer, start)
    assert max(relative_residuals(found, layer(found))) <= RESIDUAL
    contenders: dict[str, Solve] = {"ours": ours}
    for name in TARGETS:
        usable = [reaching(case, setting) for setting in settings(name)]
        contenders |= {f"{name} #{i}": solve for i, solve in enumerate(usable) if solve}
    times = median_times(
        {name: lambda solve=solve: solve(layer, start) for name, solve in contenders.items()}
    )
    benchmark.pedantic(ours, (layer, start), rounds=5)
    lines = [f"contraction {arena(case).contraction:.3f}, ours {1e3 * times['ours']:.1f} ms"]
    for name, target in TARGETS.items():
        best = min(
            (t for key, t in times.items() if key.startswith(f"{name} #")), default=float("inf")
        )
        ratio = times["ours"] / best
        benchmark.extra_info[f"ours / {name}"] = round(ratio, 3)
        lines.append(f"ours / {name}: {ratio:.2f} (target: at most {target}), {1e3 * best:.1f} ms")
    announce(f"forward solve to {RESIDUAL:g}, {case}", lines)


@pytest.mark.parametrize(("case", "target"), [("64", 1.15), ("32", 1.30)])
@torch.no_grad()
def test_overhead_of_the_forward_solve(benchmark: Any, case: str, target: float) -> None:
    """Solve time against that of as many evaluations at the same iterates, taken in turns."""
    layer, start = arena(case).condition()
    visited: list[Tensor] = []

    def recording(z: Tensor) -> Tensor:
        visited.append(z.clone())
        return layer(z)

    ForwardSolver(SHARED)(recording, start)
    times = median_times(
        {"solve": lambda: ours(layer, start), "bare": lambda: [layer(z) for z in visited]},
        rounds=40,
    )
    benchmark.pedantic(ours, (layer, start), rounds=5)
    ratio = times["solve"] / times["bare"]
    benchmark.extra_info["solve / evaluations"] = round(ratio, 3)
    announce(
        f"overhead of the forward solve, {case}",
        [f"{len(visited)} evaluations, ratio {ratio:.3f} (target: at most {target})"],
    )
