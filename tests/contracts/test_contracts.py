from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench.registry import LAYERS, METHODS
from methods.base import GradientMethod
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.phantom import PhantomGradient
from methods.unrolling import Unrolling
from tests.contracts import formulas
from tests.contracts.cases import LOOSE, TIGHT, layer_case, linearised
from tests.contracts.checks import CHECKS, assert_close, differentiate

GRADIENT_METHODS = [name for name, cls in METHODS.items() if issubclass(cls, GradientMethod)]
IFT = ImplicitFunctionTheorem(tolerance=1e-12, max_iterations=1000)
PICARD_IFT = ImplicitFunctionTheorem("fixed_point", tolerance=1e-12, max_iterations=2000)
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.names())

FORMULAS: dict[str, list[tuple[GradientMethod, Callable[..., None]]]] = {
    "jfb": [
        (JacobianFreeBackpropagation(), formulas.check_jfb_gradient),
        (JacobianFreeBackpropagation(), formulas.check_damped_gradient(1, 1.0, LOOSE)),
    ],
    "phantom": [
        (PhantomGradient(3, 0.5), formulas.check_damped_gradient(3, 0.5, TIGHT)),
        (PhantomGradient(2, 0.7), formulas.check_damped_gradient(2, 0.7, LOOSE)),
    ],
    "ift": [
        (method, check)
        for method in (IFT, PICARD_IFT)
        for check in (formulas.check_implicit_gradient, formulas.check_finite_difference)
    ],
    "unrolling": [(Unrolling(150), formulas.check_many_steps_tend_to_implicit)],
}
FORMULA_CASES = [
    pytest.param(method, check, id=f"{name}-{number}")
    for name, cases in FORMULAS.items()
    for number, (method, check) in enumerate(cases)
]


def test_every_gradient_method_has_a_formula() -> None:
    assert set(FORMULAS) == set(GRADIENT_METHODS)


@EVERY_LAYER
def test_jacobian_of_a_case_is_neither_symmetric_nor_small(layer: str) -> None:
    _, derivatives = linearised(layer)
    jacobian = derivatives.jacobian
    assert (jacobian - jacobian.T).norm() > 0.01 * jacobian.norm()
    assert torch.linalg.matrix_norm(jacobian, 2) > 0.4


@EVERY_LAYER
@pytest.mark.parametrize("name", GRADIENT_METHODS)
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
def test_contract(check: Callable[..., None], name: str, layer: str) -> None:
    check(METHODS.get(name)(), layer_case(layer))


@EVERY_LAYER
@pytest.mark.parametrize(("method", "check"), FORMULA_CASES)
def test_gradient_is_its_own_formula(
    method: GradientMethod, check: Callable[..., None], layer: str
) -> None:
    check(method, layer_case(layer))


@EVERY_LAYER
def test_one_undamped_phantom_step_is_jfb(layer: str) -> None:
    case = layer_case(layer)
    found = differentiate(PhantomGradient(steps=1, damping=1.0), case).gradients
    expected = differentiate(JacobianFreeBackpropagation(), case).gradients
    assert_close(found, expected, 1e-14, "phantom[steps=1,damping=1] against jfb")


@EVERY_LAYER
def test_gradient_of_colour_images(layer: str) -> None:
    formulas.check_finite_difference(IFT, layer_case(layer, channels=3))


@pytest.mark.parametrize("method", [IFT, PICARD_IFT], ids=["anderson", "fixed_point"])
def test_linear_fixed_point(method: GradientMethod) -> None:
    formulas.check_linear_closed_form(method)


@pytest.mark.parametrize("solver", ["anderson", "fixed_point"])
@pytest.mark.parametrize("max_iterations", [8, 2000])
def test_slow_contraction_is_solved_or_reported(solver: str, max_iterations: int) -> None:
    method = ImplicitFunctionTheorem(solver, tolerance=1e-9, max_iterations=max_iterations)
    formulas.check_honest_convergence(method)
    _, trace = formulas.differentiate_linear(method, formulas.linear_case())
    assert trace.adjoint.converged_fraction == (1 if max_iterations == 2000 else 0)


@pytest.mark.parametrize(
    ("method", "vjps"),
    [(JacobianFreeBackpropagation(), 1), (PhantomGradient(4), 4), (Unrolling(7), 7)],
)
def test_cost_of_a_method_without_a_solve(method: GradientMethod, vjps: int) -> None:
    assert differentiate(method, layer_case("degrad")).layer.vjps == vjps


def test_adjoint_solve_costs_one_vjp_an_iteration_and_one_for_the_weights() -> None:
    method = ImplicitFunctionTheorem("fixed_point", tolerance=1e-30, max_iterations=9)
    assert differentiate(method, layer_case("degrad")).layer.vjps == 10
