from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from bench.contracts import verdict
from bench.contracts.cases import Case, LayerCase, layer_case
from bench.contracts.linear import LINEAR_CASES, linear_case
from bench.contracts.properties import LAYER, PROPERTIES
from bench.contracts.requirement import ContractViolation
from bench.contracts.verdict import FAILED, NOT_STATED, OK, check_method
from bench.registry import LAYERS
from methods.base import GradientMethod
from methods.jfb import JacobianFreeBackpropagation
from tests.bench.contracts import test_bite_accounts, test_bite_conduct, test_bite_gradients
from tests.support import broken_methods as broken

BY_NAME = {one.name: one for one in PROPERTIES}
REFUSED: list[tuple[GradientMethod, str, str]] = [
    (broken.WrongSign(), "own_formula", "relative error"),
    (broken.WrongSign(), "finite_differences", "finite difference"),
    (broken.WrongSign(), "descent_direction", "cosine with the exact gradient is -"),
    (broken.SilentWrongSign(), "descent_direction", "cosine with the exact gradient is -"),
    (broken.StepTooMany(), "own_formula", "compared with the stated formula"),
    (broken.PhantomWithoutCarry(), "own_formula", "compared with the stated formula"),
    (broken.WrongSignInSystem(), "own_formula", "compared with the stated formula"),
    (broken.WrongSignInSystem(), "closed_form", "closed form"),
    (broken.TransposedJacobian(), "own_formula", "compared with the stated formula"),
    (broken.TransposedJacobian(), "finite_differences", "finite difference"),
    (broken.TransposedJacobian(), "closed_form", "closed form"),
    (broken.DroppedTerm(), "own_formula", "compared with the stated formula"),
    (broken.DroppedTerm(), "finite_differences", "finite difference"),
    (broken.DroppedTerm(), "closed_form", "closed form"),
    (broken.StatesAnotherShape(), "own_formula", "not that of g"),
    (broken.SwallowedNonConvergence(True), "slow_contraction", "reported as converged"),
    (broken.SwallowedNonConvergence(False), "slow_contraction", "reported as converged"),
    (broken.LenientForward(), "forward_reported", "converged fraction is 1"),
    (broken.Uncounted(), "counts", "reported, "),
    (broken.UncountedForwardProducts(), "counts", "reported, "),
    (broken.SinglePrecision(), "shape_and_dtype", "the image has dtype torch.float32"),
    (broken.Detached(), "reaches_every_weight", "no gradient for log_strength"),
    (broken.Noisy(), "deterministic", "differs between two executions"),
    (broken.AbsoluteTolerance(), "loss_scale", "scaled by 1e-6"),
    (broken.NormalisesBlindly(), "zero_cotangent", "not finite"),
    (broken.MixesSamples(), "samples_apart", "its single images"),
    (broken.NotANumber(), "finite_when_cut_short", "not finite"),
    (broken.RecordsForward(), "memory_law", "bytes kept after 5 iterations"),
    (broken.SharedState(), "two_forwards", "second forward pass"),
    (broken.FillsGrad(), "only_weights_get_gradients", "filled .grad"),
    (broken.LeavesCycle(), "nothing_left_behind", "stays in memory"),
    (broken.OtherTestImage(), "image_at_test_time", "images differ"),
]
Deed = Callable[[LayerCase], object]
MEDDLING: list[tuple[type[broken.Meddles], Deed, str, str]] = [
    (
        broken.Meddles,
        lambda case: case.layer.train(not case.layer.training),
        "modes_kept",
        "train/eval mode of layer",
    ),
    (
        broken.Afterwards,
        lambda case: case.weights[0].requires_grad_(False),
        "modes_kept",
        "requires_grad of log_strength",
    ),
    (
        broken.Meddles,
        lambda case: torch.nn.init.ones_(case.weights[0]),
        "modes_kept",
        "the values of log_strength",
    ),
    (
        broken.Meddles,
        lambda case: case.weights[0].register_hook(lambda gradient: gradient),
        "nothing_left_behind",
        "hooks remain on log_strength",
    ),
    (
        broken.Meddles,
        lambda case: case.layer.register_forward_hook(lambda *_: None),
        "nothing_left_behind",
        "hooks remain on layer",
    ),
]


def refusal(method: GradientMethod, name: str, case: Case) -> str:
    with pytest.raises(ContractViolation) as refused:
        BY_NAME[name].check(method, case)
    return str(refused.value)


@pytest.mark.parametrize("layer", ["degrad", pytest.param("deprox", marks=pytest.mark.soak)])
@pytest.mark.parametrize(
    ("method", "name", "reason"),
    REFUSED,
    ids=[f"{type(method).__name__}-{name}" for method, name, _ in REFUSED],
)
def test_broken_method_is_refused(
    method: GradientMethod, name: str, reason: str, layer: str
) -> None:
    on = BY_NAME[name].on
    case = broken.private_copy(layer_case(layer)) if on == LAYER else linear_case(on)
    assert reason in refusal(method, name, case)


@pytest.mark.parametrize(
    ("when", "deed", "name", "reason"), MEDDLING, ids=[reason for *_, reason in MEDDLING]
)
def test_meddling_with_the_module_is_refused(
    when: type[broken.Meddles], deed: Deed, name: str, reason: str
) -> None:
    case = broken.private_copy(layer_case("degrad"))
    assert reason in refusal(when(lambda: deed(case)), name, case)


def test_a_changed_default_of_torch_is_refused() -> None:
    case = broken.private_copy(layer_case("degrad"))
    method = broken.Meddles(lambda: torch.set_default_dtype(torch.float64))
    try:
        assert refusal(method, "process_unchanged", case) == "changed: default dtype"
    finally:
        torch.set_default_dtype(torch.float32)


def test_gradients_of_the_wrong_weights_are_refused() -> None:
    case = layer_case("degrad")
    method = broken.HoldsWeights(case.weights)
    BY_NAME["reaches_every_weight"].check(method, case)
    assert "through computed weights" in refusal(method, "computed_weights", case)


def test_every_property_refuses_something() -> None:
    files = (test_bite_accounts, test_bite_conduct, test_bite_gradients)
    lists = (*REFUSED, *MEDDLING, *(each for file in files for each in file.REFUSED))
    biting = {name for *_, name, _ in lists} | {"computed_weights"}
    assert biting == set(BY_NAME)


def test_a_method_that_raises_gets_a_verdict_on_every_property() -> None:
    verdicts = check_method(broken.Raises(), ["degrad"], ["float64"])
    assert {verdict.property for verdict in verdicts} == set(PROPERTIES)
    failed = [verdict for verdict in verdicts if verdict.status == FAILED]
    assert {verdict.reason for verdict in failed} == {"RuntimeError: out of ideas"}
    others = {verdict.property.name for verdict in verdicts} - {v.property.name for v in failed}
    unasked = {"every_budget", "limit_of_the_same", "formula_of_path", "draws"}
    assert others == unasked | {"memory_of_steps", "derivative_of_image"}


def test_what_an_approximation_does_not_state_is_no_failure() -> None:
    found = {verdict.property.name: verdict for verdict in check_method("jfb", ["degrad"])}
    not_stated = {name for name, verdict in found.items() if verdict.status == NOT_STATED}
    exactness = {"finite_differences", "slow_contraction"}
    others = {"every_budget", "memory_of_steps", "derivative_of_image"}
    assert not_stated == {*exactness, *others, "formula_of_path", "draws", "second_derivative"}
    assert {v.status for name, v in found.items() if name not in not_stated} == {OK}


def test_layers_are_all_registered_ones_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    # Of every kind of case, at a tenth of the time of all.
    names = ("own_formula", "closed_form", "slow_contraction", "formula_of_path")
    monkeypatch.setattr(verdict, "PROPERTIES", [BY_NAME[name] for name in names])
    verdicts = check_method(JacobianFreeBackpropagation(), dtypes=["float64"])
    assert {verdict.case for verdict in verdicts} == {*LAYERS.names(), *LINEAR_CASES}
