from __future__ import annotations

from collections.abc import Callable

import pytest

from methods.base import GradientMethod
from tests.contracts import broken, checks, formulas
from tests.contracts.cases import TIGHT, layer_case

PHANTOM = formulas.check_damped_gradient(3, 0.5, TIGHT)
REFUSED: list[tuple[GradientMethod, Callable[..., None], str]] = [
    (broken.WrongSign(), formulas.check_jfb_gradient, "relative error 2"),
    (broken.StepTooMany(), formulas.check_jfb_gradient, "relative error"),
    (broken.PhantomWithoutCarry(), PHANTOM, "3 steps damped"),
    (broken.WrongSignInSystem(), formulas.check_implicit_gradient, "dense solution"),
    (broken.TransposedJacobian(), formulas.check_implicit_gradient, "dense solution"),
    (broken.DroppedTerm(), formulas.check_implicit_gradient, "dense solution"),
    (broken.TransposedJacobian(), formulas.check_finite_difference, "finite difference"),
    (broken.DroppedTerm(), formulas.check_finite_difference, "finite difference"),
    (broken.WrongSign(), formulas.check_finite_difference, "finite difference"),
    (broken.LenientForward(), checks.check_forward_is_reported, "converged fraction is 1"),
    (broken.Uncounted(), checks.check_counts, "but really"),
    (broken.SinglePrecision(), checks.check_shape_and_dtype, "type of y"),
    (broken.Detached(), checks.check_reaches_every_weight, "no gradient for log_strength"),
    (broken.Noisy(), checks.check_deterministic, "differs from run to run"),
    (broken.AbsoluteTolerance(), checks.check_loss_scale, "scaled by 1e-6"),
    (broken.SharedState(), checks.check_two_forwards_before_backward, "second forward pass"),
    (broken.FillsGrad(), checks.check_only_weights_get_gradients, "filled .grad"),
    (broken.LeavesCycle(), checks.check_nothing_left_behind, "kept alive"),
    (broken.OtherTestImage(), checks.check_test_image_without_graph, "images differ"),
]


@pytest.mark.parametrize("layer", ["degrad", "deprox"])
@pytest.mark.parametrize(
    ("method", "check", "reason"),
    REFUSED,
    ids=[f"{type(method).__name__}-{number}" for number, (method, _, _) in enumerate(REFUSED)],
)
def test_broken_method_is_refused(
    method: GradientMethod, check: Callable[..., None], reason: str, layer: str
) -> None:
    case = layer_case(layer)
    try:
        with pytest.raises(AssertionError, match=reason):
            check(method, case)
    finally:
        for weight in case.weights:
            weight.grad = None


@pytest.mark.parametrize(
    "method", [broken.TransposedJacobian(), broken.WrongSignInSystem(), broken.DroppedTerm()]
)
def test_broken_adjoint_fails_the_closed_form(method: GradientMethod) -> None:
    with pytest.raises(AssertionError, match="closed form"):
        formulas.check_linear_closed_form(method)


@pytest.mark.parametrize("claims_convergence", [True, False])
def test_swallowed_non_convergence_is_refused(claims_convergence: bool) -> None:
    with pytest.raises(AssertionError, match="converged"):
        formulas.check_honest_convergence(broken.SwallowedNonConvergence(claims_convergence))


def test_hook_left_on_a_weight_is_refused() -> None:
    case = layer_case("degrad")

    class Hooks(broken.StepTooMany):
        def fixed_point(self, layer, z0, forward):  # type: ignore[no-untyped-def]
            handles.append(case.weights[0].register_hook(lambda gradient: gradient))
            return super().fixed_point(layer, z0, forward)

    handles: list[object] = []
    try:
        with pytest.raises(AssertionError, match="hooks were left on log_strength"):
            checks.check_nothing_left_behind(Hooks(), case)
    finally:
        for handle in handles:
            handle.remove()  # type: ignore[attr-defined]
