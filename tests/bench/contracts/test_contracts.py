from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from itertools import pairwise
from typing import Any

import pytest
import torch

from bench.contracts import gradients
from bench.contracts.cases import DTYPES, layer_case, linearised
from bench.contracts.differentiation import differentiate, require_close
from bench.contracts.linear import LINEAR_CASES, linear_case
from bench.contracts.memory import saved_bytes
from bench.contracts.properties import PROPERTIES, Property
from bench.contracts.requirement import NotStated
from bench.contracts.verdict import applicable, named_case
from bench.plugins import load_builtins
from bench.registry import LAYERS, METHODS
from methods.base import GradientMethod
from methods.ift import SOLVERS, ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.neumann import NeumannSeries
from methods.phantom import PhantomGradient
from methods.reversible import ReversibleIteration
from methods.unrolling import Unrolling
from tests.support.known_failures import KNOWN_FAILURES
from tests.support.oracles import LOOSE, damped_gradient

load_builtins()
GRADIENT_METHODS = [name for name, cls in METHODS.items() if issubclass(cls, GradientMethod)]
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.names())
GRADIENT_PROPERTIES = (gradients.own_formula, gradients.finite_differences)
LINEAR_PROPERTIES = (gradients.closed_form, gradients.slow_contraction)
OTHER_PARAMETERS: list[GradientMethod] = [
    *(ImplicitFunctionTheorem(solver) for solver in SOLVERS),
    ImplicitFunctionTheorem(memory=2),
    PhantomGradient(4, 0.7),
    PhantomGradient(4, 0.7, form="neumann"),
    NeumannSeries(1),
    NeumannSeries(300),
    Unrolling(truncate=3),
    Unrolling(truncate=5, checkpoint=2),
    ReversibleIteration(15, 0.3, checkpoint=4),
]


# On the second layer, and of an entry of a library like another one, `make test` checks what
# depends on T and the formula; the rest is the same code, checked once.
OF_THE_MAP = {
    *("own_formula", "finite_differences", "closed_form", "as_configured", "one_adjoint"),
    *("image_accuracy", "reaches_every_weight", "computed_weights", "image_at_test_time"),
    *("counts", "memory_law", "memory_of_steps"),
    "derivative_of_image",
}
CHECKED_WHOLE = {"torchdeq_jfb", "deepinv_jfb"}  # one entry of each library
SLOW_IN_LIBRARIES = {"any_number_of_calls", "as_configured", "loss_extremes", "loss_scale"}


def is_soaked(name: str, one: Property, case: str, dtype: str) -> bool:
    """Whether a check is part of `make soak` alone."""
    second_layer = case in LAYERS.names()[1:]
    if METHODS.get(name).library:
        slow = second_layer or dtype == "float32" or one.name in SLOW_IN_LIBRARIES
        return slow or (name not in CHECKED_WHOLE and one.name not in OF_THE_MAP)
    return second_layer and (dtype == "float32" or one.name not in OF_THE_MAP)


def contracts() -> list[Any]:
    """Every property of every registered method, on every layer and precision.

    A part of them is left to `make soak`: see `is_soaked`.
    """
    cases = []
    for name in GRADIENT_METHODS:
        for one, case, dtype in applicable(LAYERS.names()):
            reason = KNOWN_FAILURES.get((name, one.name))
            marks: list[Any] = [pytest.mark.xfail(reason=reason, strict=True)] if reason else []
            if is_soaked(name, one, case, dtype):
                marks.append(pytest.mark.soak)
            label = f"{name}-{one.name}-{case}-{dtype}"
            cases.append(pytest.param(name, one, case, dtype, marks=marks, id=label))
    return cases


@pytest.mark.parametrize(("name", "one", "case", "dtype"), contracts())
def test_contract(name: str, one: Property, case: str, dtype: str) -> None:
    with suppress(NotStated):
        one.check(METHODS.get(name)(), named_case(case, dtype))


def test_parts_of_the_checks_are_of_what_exists() -> None:
    assert {one.name for one in PROPERTIES} >= OF_THE_MAP | SLOW_IN_LIBRARIES
    libraries = {METHODS.get(name).library for name in GRADIENT_METHODS} - {""}
    assert {METHODS.get(name).library for name in CHECKED_WHOLE} == libraries


def test_known_failures_are_of_registered_methods_and_properties() -> None:
    assert {name for name, _ in KNOWN_FAILURES} <= set(GRADIENT_METHODS)
    assert {name for _, name in KNOWN_FAILURES} <= {one.name for one in PROPERTIES}


def test_exact_methods_are_held_to_exactness() -> None:
    """NotStated must not become a way out for a method that claims to be exact."""
    for method in (*map(ImplicitFunctionTheorem, SOLVERS), Unrolling(), ReversibleIteration()):
        gradients.finite_differences(method, layer_case("degrad"))
        gradients.closed_form(method, linear_case("linear"))
    with pytest.raises(NotStated):
        gradients.finite_differences(JacobianFreeBackpropagation(), layer_case("degrad"))


@pytest.mark.parametrize("method", OTHER_PARAMETERS, ids=repr)
@EVERY_LAYER
@pytest.mark.parametrize("check", GRADIENT_PROPERTIES, ids=lambda check: check.__name__)
def test_gradient_with_other_parameters(method: GradientMethod, check: Any, layer: str) -> None:
    with suppress(NotStated):
        check(method, layer_case(layer))


@pytest.mark.parametrize("method", OTHER_PARAMETERS, ids=repr)
def test_linear_fixed_point_with_other_parameters(method: GradientMethod) -> None:
    gradients.closed_form(method, linear_case("linear"))


@EVERY_LAYER
@pytest.mark.parametrize(
    ("method", "steps", "damping"),
    [
        (JacobianFreeBackpropagation(), 1, 1.0),
        (PhantomGradient(3, 0.5), 3, 0.5),
        (PhantomGradient(2, 0.7), 2, 0.7),
    ],
    ids=repr,
)
def test_chain_rule_where_the_forward_solver_is_cut_short(
    method: GradientMethod, steps: int, damping: float, layer: str
) -> None:
    case = layer_case(layer).with_differentiable_observation()
    found = differentiate(method, case, LOOSE).gradients
    require_close(found, damped_gradient(layer, steps, damping), 1e-8, repr(method))


@EVERY_LAYER
def test_jacobian_of_a_case_is_neither_symmetric_nor_small(layer: str) -> None:
    _, derivatives = linearised(layer)
    jacobian = derivatives.jacobian
    assert (jacobian - jacobian.T).norm() > 0.01 * jacobian.norm()
    assert torch.linalg.matrix_norm(jacobian, 2) > 0.4


@EVERY_LAYER
def test_cases_of_both_precisions_are_one(layer: str) -> None:
    double, single = (layer_case(layer, dtype) for dtype in DTYPES.values())
    numbers = [(*case.inputs, case.observed, case.clean) for case in (double, single)]
    for one, other in zip(*numbers, strict=True):
        assert other.dtype == torch.float32
        assert torch.equal(one, other.double())
    assert torch.allclose(double.fixed_point(), single.fixed_point().double(), atol=1e-4)


@pytest.mark.parametrize(("name", "radius"), LINEAR_CASES.items())
def test_linear_case_contracts_as_it_says(name: str, radius: float) -> None:
    case = linear_case(name)
    eigenvalues = torch.linalg.eigvals(case.matrix.detach())
    assert float(eigenvalues.abs().max()) == pytest.approx(radius)
    layer, _ = case.condition()
    assert torch.allclose(layer(case.solution()), case.solution())


@EVERY_LAYER
def test_one_undamped_phantom_step_is_jfb(layer: str) -> None:
    case = layer_case(layer)
    found = differentiate(PhantomGradient(steps=1, damping=1.0), case).gradients
    expected = differentiate(JacobianFreeBackpropagation(), case).gradients
    require_close(found, expected, 1e-14, "phantom[steps=1,damping=1] against jfb")


@EVERY_LAYER
def test_many_neumann_terms_tend_to_ift(layer: str) -> None:
    case = layer_case(layer)
    expected = differentiate(ImplicitFunctionTheorem().at_limit(), case).gradients
    found = differentiate(NeumannSeries(400), case).gradients
    require_close(found, expected, 1e-8, "neumann[terms=400] against ift")


@EVERY_LAYER
def test_gradient_of_colour_images(layer: str) -> None:
    method = ImplicitFunctionTheorem().at_limit()
    gradients.require_slopes(method, layer_case(layer, channels=3))


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("max_iterations", [8, 2000])
def test_slow_contraction_is_solved_or_reported(solver: str, max_iterations: int) -> None:
    method = ImplicitFunctionTheorem(solver, tolerance=1e-9, max_iterations=max_iterations)
    case = linear_case("slow_linear")
    gradients.slow_contraction(method, case)
    fraction = differentiate(method, case).trace.adjoint.converged_fraction
    assert fraction == (1 if max_iterations == 2000 else 0)


@pytest.mark.parametrize(
    ("method", "vjps"),
    [
        (JacobianFreeBackpropagation(), 1),
        (PhantomGradient(4), 4),
        (NeumannSeries(4), 4),
        (Unrolling(7), 7),
        (Unrolling(7, truncate=2), 2),
        (Unrolling(7, checkpoint=2), 7),
        (ReversibleIteration(7), 7),
        (ImplicitFunctionTheorem("fixed_point", 1e-30, 9), 10),
    ],
    ids=repr,
)
def test_cost_of_a_gradient(method: GradientMethod, vjps: int) -> None:
    assert differentiate(method, layer_case("degrad")).layer.vjps == vjps


def test_products_with_the_jacobian_itself_are_counted() -> None:
    counted = next(one for one in PROPERTIES if one.name == "counts")
    counted.check(ImplicitFunctionTheorem("normal_cg"), layer_case("degrad"))


@EVERY_LAYER
@pytest.mark.parametrize("method", [Unrolling(), PhantomGradient()], ids=["unrolling", "phantom"])
def test_memory_of_recorded_steps_grows_linearly(
    method: Unrolling | PhantomGradient, layer: str
) -> None:
    steps = (5, 10, 15, 20)
    sizes = [saved_bytes(replace(method, steps=n), layer_case(layer), 5) for n in steps]
    growth = [later - before for before, later in pairwise(sizes)]
    assert growth[0] > 0
    assert growth == [growth[0]] * 3
