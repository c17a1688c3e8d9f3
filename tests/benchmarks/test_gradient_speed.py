"""A gradient to one measured error, beside torchdeq, deepinv and the normal equations."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.training import training_loss
from methods.base import GradientMethod
from methods.deepinv_ift import DeepinvImplicit
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import ImplicitLayer
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.torchdeq_ift import TorchdeqImplicit
from tests.benchmarks.contest import CASES, announce, arena, median_times

TOLERANCES = [10 ** (-exponent / 2) for exponent in range(4, 23)]  # 1e-2 to 1e-11
LIMIT = 2000
REFERENCE = ImplicitFunctionTheorem(tolerance=1e-12, max_iterations=LIMIT)
TARGETS = {"torchdeq": 0.5, "deepinv": 0.5, "normal equations": 0.2}
Gradient = Callable[[], Tensor]


@cache
@torch.enable_grad()
def double_case(label: str) -> tuple[ImplicitLayer, Tensor, Tensor]:
    """The layer of a case, y and x in double precision, in which 1e-6 can be told from noise."""
    case = arena(label)
    layer = copy.deepcopy(case.model._layer)
    problem_in_double = layer.physics.__class__(
        img_size=tuple(case.pairs.clean.shape[1:]), filter=layer.physics.filter.double()
    )
    layer.physics = problem_in_double
    return layer.double(), case.pairs.observed.double(), case.pairs.clean.double()


def gradient_of(label: str, method: GradientMethod, solver: Solver) -> Gradient:
    """The whole of a step without its update: conditioning, forward and backward pass."""
    layer, observed, clean = double_case(label)
    weights = tuple(layer.parameters())

    def gradient() -> Tensor:
        bound, start = layer.condition(observed)
        image = method.fixed_point(bound, start, ForwardSolver(solver))
        found = torch.autograd.grad(training_loss("psnr", image, clean), weights)
        return torch.cat([each.flatten() for each in found])

    return gradient


def settings(name: str) -> Iterator[Callable[[float], tuple[GradientMethod, Solver]]]:
    """The settings that are tried, each with any tolerance of both passes."""
    forwards = ("anderson", "broyden") if name == "torchdeq" else ("anderson",)
    for forward in forwards:
        shared = lambda t, forward=forward: Solver(forward, t, LIMIT, 5)  # noqa: E731
        if name == "ours":
            yield lambda t, s=shared: (ImplicitFunctionTheorem("gmres", t, LIMIT), s(t))
        elif name == "normal equations":
            yield lambda t, s=shared: (ImplicitFunctionTheorem("normal_cg", t, LIMIT), s(t))
        elif name == "torchdeq":
            for solver in ("broyden", "anderson", "fixed_point"):
                yield lambda t, s=shared, b=solver: (TorchdeqImplicit(b, t, LIMIT), s(t))
        else:
            for solver, memory in (("anderson", 5), ("anderson", 10), ("fixed_point", 5)):
                yield lambda t, s=shared, b=solver, m=memory: (
                    DeepinvImplicit(b, t, LIMIT, m),
                    s(t),
                )


@cache
def reference(label: str) -> Tensor:
    return gradient_of(label, REFERENCE, Solver("anderson", 1e-13, LIMIT, 8))()


def reaching(label: str, name: str, error: float) -> dict[str, Gradient]:
    """Each setting with the loosest tolerance whose gradient is within `error`, if any is."""
    found = {}
    expected = reference(label)
    for number, setting in enumerate(settings(name)):
        for tolerance in TOLERANCES:
            gradient = gradient_of(label, *setting(tolerance))
            if (gradient() - expected).norm() <= error * expected.norm():
                found[f"{name} #{number}"] = gradient
                break
    return found


@pytest.mark.timeout(1200)
@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("error", [1e-4, 1e-6])
def test_exact_gradient(benchmark: Any, label: str, error: float) -> None:
    """Targets: 0.5 of torchdeq's and deepinv's best settings, 0.2 of the normal equations."""
    contenders: dict[str, Gradient] = {}
    for name in ("ours", *TARGETS):
        contenders |= reaching(label, name, error)
    times = median_times(contenders, rounds=5)
    benchmark.pedantic(contenders["ours #0"], rounds=3)
    lines = [f"contraction {arena(label).contraction:.3f}, ours {1e3 * times['ours #0']:.0f} ms"]
    for name, target in TARGETS.items():
        own = [(t, key) for key, t in times.items() if key.startswith(f"{name} #")]
        if not own:
            lines.append(f"{name}: no setting reaches it")
            continue
        best, key = min(own)
        ratio = times["ours #0"] / best
        benchmark.extra_info[f"ours / {name}"] = round(ratio, 3)
        lines.append(f"ours / {key}: {ratio:.2f} (target: at most {target}), {1e3 * best:.0f} ms")
    announce(f"gradient to {error:g}, {label}", lines)


@pytest.mark.parametrize("label", ["32", "64"])
def test_jfb_step(benchmark: Any, label: str) -> None:
    """Target: at most 1.05 of its evaluations and one with its backward pass."""
    case = arena(label)
    method, forward = JacobianFreeBackpropagation(), Solver("anderson", 1e-4, 100, 5)
    weights = tuple(case.model.parameters())
    visited: list[Tensor] = []

    def step() -> None:
        layer, start = case.model._layer.condition(case.pairs.observed)
        image = method.fixed_point(layer, start, ForwardSolver(forward))
        torch.autograd.grad(training_loss("psnr", image, case.pairs.clean), weights)

    layer, start = case.condition()

    def noting(z: Tensor) -> Tensor:
        visited.append(z)
        return layer(z)

    z_star = ForwardSolver(forward)(noting, start)

    def bare() -> None:
        layer, _ = case.model._layer.condition(case.pairs.observed)
        with torch.no_grad():
            for z in visited:
                layer(z)
        torch.autograd.grad(training_loss("psnr", layer(z_star), case.pairs.clean), weights)

    times = median_times({"step": step, "bare": bare}, rounds=40)
    benchmark.pedantic(step, rounds=5)
    ratio = times["step"] / times["bare"]
    benchmark.extra_info["step / bare"] = round(ratio, 3)
    announce(f"jfb step, {label}", [f"ratio {ratio:.3f} (target: at most 1.05)"])
