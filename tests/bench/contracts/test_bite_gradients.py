"""Subtle errors of a gradient, each refused by the property that is named."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace

import pytest
import torch

from bench.contracts.cases import layer_case
from bench.contracts.configured import probe
from bench.contracts.gradients import reference
from bench.contracts.linear import LINEAR_CASES, linear_case
from bench.contracts.properties import PROPERTIES
from bench.contracts.requirement import ContractViolation, NotStated
from bench.contracts.stochastic import LOOKS, require_mean
from bench.contracts.verdict import FAILED, OK, applicable, judge, named_case
from methods.base import GradientMethod
from methods.shine import SharedInverse
from methods.solvers.iterate import Solver
from tests.support import broken_gradients as broken
from tests.support import stochastic_methods as drawn
from tests.support.broken_methods import SwallowedNonConvergence

BY_NAME = {one.name: one for one in PROPERTIES}
Refused = tuple[GradientMethod, str, str, str]
CASES: list[Refused] = [
    (broken.Altered(broken.first_channel), "own_formula", "degrad", "stated formula"),
    (broken.Altered(broken.swapped_channels), "own_formula", "degrad", "stated formula"),
    (broken.Altered(broken.without_the_last_sample), "own_formula", "degrad", "stated formula"),
    (broken.Altered(broken.without_the_last_sample), "batch_mates", "deprox", "single images"),
    (broken.Unstated(broken.thousandfold), "descent_direction", "degrad", "its norm is"),
    (broken.Truncated(), "derivative_of_image", "degrad", "finite difference of its image"),
    (broken.WrongWayBack(), "derivative_of_image", "degrad", "finite difference of its image"),
    (broken.FewSteps(), "as_configured", "degrad", "w as configured"),
    (broken.AlwaysConverged(), "as_configured", "degrad", "the adjoint residual is"),
    (broken.AlwaysConverged(40), "as_configured", "slow_linear", "the adjoint residual is"),
    (SwallowedNonConvergence(False), "as_configured", "linear", "w as configured"),
    (broken.FirstSampleOnly(), "as_configured", "deprox", "the adjoint residual is"),
    (broken.TermMissing(), "every_budget", "linear", "with terms=9: "),
    (broken.OtherAtLimit(), "limit_of_the_same", "linear", "JacobianFreeBackpropagation"),
    (broken.OtherFormulaAtLimit(), "limit_of_the_same", "linear", "at_limit changes factor"),
    (broken.TwiceForTheWeights(), "one_adjoint", "degrad", "wᵀ ∂T/∂θ"),
    (broken.Loosened(), "image_accuracy", "degrad", "training image 0"),
    (broken.Loosened(training=False), "image_accuracy", "degrad", "the test image 0"),
    (broken.Loosened(last_sample_only=True), "image_accuracy", "degrad", "training image 2"),
    (broken.StopsAsABatch(), "batch_mates", "degrad", "single ones"),
    (broken.Underflows(), "loss_extremes", "degrad", "scaled by 3e-169"),
    *(
        (broken.WrongShine(wrong=wrong), "formula_of_path", "alternating", "with the path")
        for wrong in ("transposed", "update")
    ),
    (broken.WrongShine(wrong="fallback"), "formula_of_path", "slow_linear", "with the path"),
    (drawn.Biased(length=1.5), "closed_form", "linear", "the mean of"),
    (drawn.Uncorrected(), "own_formula", "degrad", "the mean of 60 draws"),
    (drawn.OwnGenerator(), "draws", "linear", "under the same seed"),
    (drawn.Reseeds(), "draws", "linear", "the same under 8 seeds"),
    (drawn.NotDrawn(), "draws", "linear", "the same under 8 seeds"),
]
# Errors of a mean that is seen after two thousand draws.
SMALL: list[Refused] = [
    (drawn.Biased(), "closed_form", "linear", "the mean of"),
    (drawn.WrongRate(), "closed_form", "linear", "the mean of"),
]
REFUSED = [(method, name, reason) for method, name, _, reason in CASES]


@pytest.mark.parametrize(
    ("method", "name", "case", "reason"), CASES, ids=[f"{m!r}-{n}-{c}" for m, n, c, _ in CASES]
)
def test_subtle_error_is_refused(method: GradientMethod, name: str, case: str, reason: str) -> None:
    with pytest.raises(ContractViolation) as refused:
        BY_NAME[name].check(method, named_case(case, "float64"))
    assert reason in str(refused.value)


@pytest.mark.soak
@pytest.mark.parametrize(("method", "name", "case", "reason"), SMALL, ids=["biased", "wrong rate"])
def test_small_error_of_a_mean_is_refused(
    method: GradientMethod, name: str, case: str, reason: str
) -> None:
    test_subtle_error_is_refused(method, name, case, reason)


@pytest.mark.soak
@pytest.mark.parametrize("method", [drawn.RussianRoulette(), drawn.RandomTerms()], ids=repr)
def test_right_stochastic_method_fails_nothing(method: GradientMethod) -> None:
    verdicts = [judge(one, method, *at) for one, *at in applicable(["degrad"])]
    failed = [f"{v.property.name}: {v.reason}" for v in verdicts if v.status == FAILED]
    assert failed == []


@pytest.mark.parametrize("method", [drawn.RussianRoulette(), drawn.RandomTerms()], ids=repr)
@pytest.mark.parametrize(
    ("name", "case"),
    [("own_formula", "degrad"), ("descent_direction", "degrad"), ("draws", "linear")],
)
def test_right_stochastic_method_is_not_refused(
    method: GradientMethod, name: str, case: str
) -> None:
    assert judge(BY_NAME[name], method, case, "float64").status == OK


@pytest.mark.parametrize("trials", [60, pytest.param(300, marks=pytest.mark.soak)])
def test_mean_of_right_draws_is_seldom_refused(trials: int) -> None:
    """Skewed draws, of the formula on average; 2 in 300 would be a rate of 1/150."""
    formula = torch.linspace(1, 2, 12, dtype=torch.float64)
    generator = torch.Generator().manual_seed(5)
    refused = 0
    for _ in range(trials):
        shape = LOOKS[-1], 12
        noise = torch.empty(shape, dtype=torch.float64).exponential_(generator=generator) - 1
        common = torch.empty(shape[0], 1, dtype=torch.float64).exponential_(generator=generator)
        draws = formula * common + 0.5 * noise
        try:
            require_mean(lambda seed, draws=draws: draws[seed - 1], formula, LOOKS, 0.0)
        except ContractViolation:
            refused += 1
    assert refused <= 1


def test_mean_that_is_5_percent_too_long_is_refused() -> None:
    formula = torch.linspace(1, 2, 12, dtype=torch.float64)
    generator = torch.Generator().manual_seed(6)
    noise = 0.3 * torch.randn(LOOKS[-1], 12, generator=generator, dtype=torch.float64)
    draws = 1.05 * formula + noise
    with pytest.raises(ContractViolation, match="differs from the stated formula"):
        require_mean(lambda seed: draws[seed - 1], formula, LOOKS, 0.0)


def test_directions_of_shine_matter_where_they_are_judged() -> None:
    """Below the fall-back in one case, with w clearly another vector than ∂ℓ/∂z; above in one."""
    case = linear_case("alternating")
    g = reference(case)[2]
    w = probe(SharedInverse(), case).w
    assert w.norm() < 1.3 * g.norm()
    assert (w - g).norm() > 0.2 * g.norm()
    slow = linear_case("slow_linear")
    assert probe(SharedInverse(1e9), slow).w.norm() > 2 * reference(slow)[2].norm()


def test_formula_of_path_holds_through_a_restart_of_the_updates() -> None:
    """More than 60 updates, after which the estimate begins anew."""
    from bench.contracts import path

    for name in LINEAR_CASES:
        solver = Solver(tolerance=1e-300, max_iterations=75)
        path.judge_path(SharedInverse(1e9), linear_case(name), solver)


def test_samples_of_a_case_end_at_different_iterations() -> None:
    case = layer_case("degrad")
    counts = set()
    for index in range(len(case.clean)):
        layer, start = case.sample(index).condition()
        counts.add(replace(Solver(), tolerance=1e-3).solve(layer, start).evaluations)
    assert len(counts) > 1


def test_dense_jacobian_is_that_of_differences() -> None:
    case = layer_case("deprox")
    z, jacobians, _ = reference(case)
    direction = torch.randn(z.shape, generator=torch.Generator().manual_seed(0)).to(z)
    layer, _ = case.condition()
    with torch.no_grad():
        slope = (layer(z + 1e-6 * direction) - layer(z - 1e-6 * direction)) / 2e-6
    product = torch.einsum("nij,nj->ni", jacobians, direction.flatten(1))
    assert torch.allclose(product, slope.flatten(1), atol=1e-7)


def test_check_of_a_formula_is_not_stated_for_another_kind_of_method() -> None:
    for name in ("draws", "formula_of_path"):
        with pytest.raises(NotStated):
            BY_NAME[name].check(broken.Altered(), linear_case("alternating"))
    with suppress(NotStated):
        BY_NAME["every_budget"].check(broken.Altered(), linear_case("linear"))
        pytest.fail("a method without a budget has nothing to vary")
