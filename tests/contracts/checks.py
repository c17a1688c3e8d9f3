"""What every gradient method has to keep to; each check raises AssertionError with the reason.

These hold for any method, exact or not. What a method's gradient must be is in `formulas`.
"""

from __future__ import annotations

import gc
import weakref
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.trace import Trace
from tests.contracts.cases import TIGHT, Gradients, LayerCase

SAME_DIRECTION = 1e-6


@dataclass
class Outcome:
    """One forward and backward pass."""

    image: Tensor
    gradients: Gradients
    layer: FixedPointMap
    trace: Trace


def differentiate(
    method: GradientMethod, case: LayerCase, solver: Solver = TIGHT, scale: float = 1.0
) -> Outcome:
    """dℓ/dθ of scale · ℓ by the method; zero for a weight that it does not reach."""
    layer, start = case.condition()
    trace = Trace()
    image = method.fixed_point(layer, start, ForwardSolver(solver, trace))
    found = torch.autograd.grad(scale * case.loss(image), case.weights, allow_unused=True)
    return Outcome(image.detach(), _filled(found, case), layer, trace)


def _filled(found: tuple[Tensor | None, ...], case: LayerCase) -> Gradients:
    pairs = zip(found, case.weights, strict=True)
    return tuple(torch.zeros_like(w) if g is None else g for g, w in pairs)


def flat(gradients: Gradients) -> Tensor:
    return torch.cat([gradient.flatten() for gradient in gradients])


def relative_error(found: Gradients, expected: Gradients) -> float:
    """|found - expected| / |expected| over all weights together."""
    difference, size = flat(found) - flat(expected), flat(expected).norm()
    return float(difference.norm() / size)


def assert_close(found: Gradients, expected: Gradients, tolerance: float, what: str) -> None:
    error = relative_error(found, expected)
    assert error <= tolerance, f"{what}: relative error {error:.1e}, at most {tolerance:.0e}"


def check_shape_and_dtype(method: GradientMethod, case: LayerCase) -> None:
    outcome = differentiate(method, case)
    assert outcome.image.shape == case.observed.shape, "the image is not shaped as y"
    assert outcome.image.dtype == case.observed.dtype, "the image has not the type of y"
    for gradient, weight in zip(outcome.gradients, case.weights, strict=True):
        assert gradient.dtype == weight.dtype, "a gradient has not the type of its weight"
        assert gradient.isfinite().all(), "a gradient is not finite"


def check_reaches_every_weight(method: GradientMethod, case: LayerCase) -> None:
    names = [name for name, _ in case.layer.named_parameters()]
    gradients = differentiate(method, case).gradients
    missed = [n for n, g in zip(names, gradients, strict=True) if not g.any()]
    assert not missed, f"no gradient for {', '.join(missed)}"


def check_test_image_without_graph(method: GradientMethod, case: LayerCase) -> None:
    """At test time the image is the one of training, and keeps no graph under no_grad."""
    layer, start = case.condition()
    with torch.no_grad():
        image = method.reconstruct(layer, start, ForwardSolver(TIGHT))
    assert not image.requires_grad, "the test image has a graph under no_grad"
    trained = differentiate(method, case).image
    assert torch.allclose(image, trained, atol=1e-9), "test and training images differ"


def check_deterministic(method: GradientMethod, case: LayerCase) -> None:
    first, second = differentiate(method, case), differentiate(method, case)
    assert torch.equal(first.image, second.image), "the image differs from run to run"
    same = torch.equal(flat(first.gradients), flat(second.gradients))
    assert same, "the gradient differs from run to run"


def check_loss_scale(method: GradientMethod, case: LayerCase) -> None:
    """A loss in other units gives the same direction, and the length in those units."""
    scale = 1e-6
    small = differentiate(method, case, scale=scale).gradients
    expected = tuple(scale * g for g in differentiate(method, case).gradients)
    assert_close(small, expected, SAME_DIRECTION, "the loss scaled by 1e-6")


def check_two_forwards_before_backward(method: GradientMethod, case: LayerCase) -> None:
    """A second forward pass, on other data, does not disturb the backward pass of the first."""
    layer, start = case.condition()
    image = method.fixed_point(layer, start, ForwardSolver(TIGHT))
    other_layer, other_start = case.layer.condition(case.observed.flip(0, 2))
    other = method.fixed_point(other_layer, other_start.detach(), ForwardSolver(TIGHT))
    found = torch.autograd.grad(case.loss(image), case.weights, allow_unused=True)
    torch.autograd.grad(case.loss(other), case.weights, allow_unused=True)
    expected = differentiate(method, case).gradients
    assert_close(_filled(found, case), expected, 1e-12, "with a second forward pass in between")


def check_only_weights_get_gradients(method: GradientMethod, case: LayerCase) -> None:
    """The forward pass leaves .grad alone; the backward pass fills that of the weights only."""
    observed = case.observed.clone()
    layer, start = case.layer.condition(observed)
    start = start.detach().requires_grad_()
    image = method.fixed_point(layer, start, ForwardSolver(TIGHT))
    assert all(w.grad is None for w in case.weights), "the forward pass filled .grad"
    try:
        case.loss(image).backward()  # type: ignore[no-untyped-call]
        found = _filled(tuple(w.grad for w in case.weights), case)
    finally:
        for weight in case.weights:
            weight.grad = None
    expected = differentiate(method, case).gradients
    assert_close(found, expected, 1e-12, ".backward() against autograd.grad")
    assert observed.grad is None, "y has got a gradient"


def check_nothing_left_behind(method: GradientMethod, case: LayerCase) -> None:
    """No hook stays on a weight or module, and the graph is freed without a garbage collection.

    A graph in a reference cycle would stay in memory for many steps.
    """
    gc.collect()
    gc.disable()
    try:
        outcome = differentiate(method, case)
        map_alive = weakref.ref(outcome.layer)
        del outcome
        assert map_alive() is None, "the map, and with it the graph, is kept alive"
    finally:
        gc.enable()
    hooked = [n for n, w in case.layer.named_parameters() if _hooks_of_weight(w)]
    hooked += [n or "layer" for n, m in case.layer.named_modules() if _hooks_of_module(m)]
    assert not hooked, f"hooks were left on {', '.join(hooked)}"


def _hooks_of_weight(weight: Tensor) -> bool:
    accumulate_hooks = getattr(weight, "_post_accumulate_grad_hooks", None)
    return bool(weight._backward_hooks or accumulate_hooks)


def _hooks_of_module(module: torch.nn.Module) -> bool:
    names = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    return any(getattr(module, name) for name in names)


class _CountBackward(torch.autograd.Function):
    """The identity, which notes each cotangent that passes through it."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, seen: list[str]) -> Tensor:
        ctx.seen = seen
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        ctx.seen.append("vjp")
        return cotangent, None


def spied(case: LayerCase, seen: list[str]) -> tuple[FixedPointMap, Tensor]:
    """The map of a case, which notes its evaluations and VJPs by other means than its own."""
    inner, start = case.condition()
    function = inner._function

    def noting(z: Tensor) -> Tensor:
        seen.append("evaluation")
        value: Tensor = _CountBackward.apply(function(z), seen)
        return value

    return FixedPointMap(noting, inner.contraction_bound), start


def check_counts(method: GradientMethod, case: LayerCase) -> None:
    """`evaluations` and `vjps` are what the method really asked for."""
    seen: list[str] = []
    layer, start = spied(case, seen)
    image = method.fixed_point(layer, start, ForwardSolver(TIGHT))
    torch.autograd.grad(case.loss(image), case.weights, allow_unused=True)
    counted = (layer.evaluations, layer.vjps)
    real = (seen.count("evaluation"), seen.count("vjp"))
    assert counted == real, f"(evaluations, vjps) are {counted}, but really {real}"


def check_forward_is_reported(method: GradientMethod, case: LayerCase) -> None:
    """A forward pass that is cut short says that it has not converged."""
    cut = Solver("fixed_point", tolerance=1e-12, max_iterations=3)
    trace = differentiate(method, case, cut).trace
    fraction = trace.forward.converged_fraction
    assert fraction < 1, f"3 iterations, but the reported converged fraction is {fraction}"


CHECKS = (
    check_shape_and_dtype,
    check_reaches_every_weight,
    check_test_image_without_graph,
    check_deterministic,
    check_loss_scale,
    check_two_forwards_before_backward,
    check_only_weights_get_gradients,
    check_nothing_left_behind,
    check_counts,
    check_forward_is_reported,
)
