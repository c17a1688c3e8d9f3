"""A gradient to one measured error, beside torchdeq, deepinv and the normal equations."""

from __future__ import annotations

import copy
import itertools
import time
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.measurement.training import training_loss
from methods.base import GradientMethod
from methods.deepinv_ift import DeepinvImplicit
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import ImplicitLayer
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.torchdeq_ift import TorchdeqImplicit
from tests.benchmarks.contest import CASES, announce, arena, median_times

TOLERANCES = [10 ** (-exponent / 2) for exponent in range(9, 23)]  # 3e-5 to 1e-11
LIMIT = 2000
REFERENCE = ImplicitFunctionTheorem(tolerance=1e-12, max_iterations=LIMIT)
TARGETS = {"torchdeq": 0.5, "deepinv": 0.5, "normal equations": 0.2}
Gradient = Callable[[], Tensor]
Setting = Callable[[float], tuple[GradientMethod, Solver]]


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


def settings(name: str) -> Iterator[Setting]:
    """The settings that are tried, each with any tolerance of the forward pass.

    The error of the forward pass weighs more in the gradient than that of the adjoint solve, so
    that a looser adjoint tolerance may be the better one.
    """
    for looser in (1, 30, 1000):
        if name == "ours":
            for memory in (5, 10):
                yield lambda t, k=looser, m=memory: (_ift("gmres", k * t), _anderson(t, m))
        elif name == "normal equations":
            yield lambda t, k=looser: (_ift("normal_cg", k * t), _anderson(t, 5))
        elif name == "torchdeq":
            for forward, solver in itertools.product(("anderson", "broyden"), repeat=2):
                yield lambda t, k=looser, f=forward, b=solver: (
                    TorchdeqImplicit(b, k * t, LIMIT),
                    Solver(f, t, LIMIT, 10),
                )
        else:
            for memory in (5, 10):
                yield lambda t, k=looser, m=memory: (
                    DeepinvImplicit("anderson", k * t, LIMIT, m),
                    _anderson(t, m),
                )


def _ift(solver: str, tolerance: float) -> ImplicitFunctionTheorem:
    return ImplicitFunctionTheorem(solver, tolerance, LIMIT)


def _anderson(tolerance: float, memory: int) -> Solver:
    return Solver("anderson", tolerance, LIMIT, memory)


@cache
def reference(label: str) -> Tensor:
    return gradient_of(label, REFERENCE, Solver("anderson", 1e-13, LIMIT, 8))()


def reaching(label: str, name: str, error: float) -> dict[str, Gradient]:
    """The two fastest settings, each with the loosest tolerance that is within `error`."""
    found: list[tuple[float, str, Gradient]] = []
    expected = reference(label)
    for number, setting in enumerate(settings(name)):
        for tolerance in TOLERANCES:
            gradient = gradient_of(label, *setting(tolerance))
            started = time.perf_counter()
            value = gradient()
            seconds = time.perf_counter() - started
            if (value - expected).norm() <= error * expected.norm():
                found.append((seconds, f"{name} #{number}", gradient))
                break
    return {key: gradient for _, key, gradient in sorted(found, key=lambda each: each[0])[:2]}


@pytest.mark.timeout(3600)
@pytest.mark.parametrize("label", CASES)
@pytest.mark.parametrize("error", [1e-4, 1e-6])
def test_exact_gradient(benchmark: Any, label: str, error: float) -> None:
    """Targets: 0.5 of torchdeq's and deepinv's best settings, 0.2 of the normal equations."""
    contenders: dict[str, Gradient] = {}
    for name in ("ours", *TARGETS):
        contenders |= reaching(label, name, error)
    times = median_times(contenders, rounds=5)
    seconds, ours = min((t, key) for key, t in times.items() if key.startswith("ours #"))
    benchmark.pedantic(contenders[ours], rounds=3)
    lines = [f"contraction {arena(label).contraction:.3f}, {ours}: {1e3 * seconds:.0f} ms"]
    for name, target in TARGETS.items():
        own = [(t, key) for key, t in times.items() if key.startswith(f"{name} #")]
        if not own:
            lines.append(f"{name}: no setting reaches it")
            continue
        best, key = min(own)
        ratio = seconds / best
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
