"""Every way to change, keep or forget what a method must not is refused by name."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator

import pytest
import torch

from bench.contracts.cases import layer_case
from bench.contracts.linear import linear_case
from bench.contracts.process.state import changed_switches, read_switches
from bench.contracts.properties import LAYER, PROPERTIES
from bench.contracts.requirement import ContractViolation
from bench.contracts.verdict import FAILED, OK, judge
from bench.plugins import load_builtins
from methods.base import GradientMethod
from methods.jfb import JacobianFreeBackpropagation
from tests.support import broken_conduct as broken
from tests.support.broken_methods import Afterwards, Meddles, private_copy
from tests.support.stateful import Momentum
from tests.support.stochastic_methods import RussianRoulette

load_builtins()
PUT_BACK = ("gradients off", "default device", "autocast", "saved tensors")
BY_NAME = {one.name: one for one in PROPERTIES}
REFUSED: list[tuple[GradientMethod, str, str]] = [
    (broken.OverwritesStart(), "inputs_unchanged", "z₀ is overwritten in the forward pass"),
    (broken.OverwritesStart(hidden=True), "inputs_unchanged", "z₀ is overwritten"),
    (broken.OverwritesStartBackwards(), "inputs_unchanged", "z₀ is overwritten in the backward"),
    (broken.OverwritesStartAtTestTime(), "inputs_unchanged", "z₀ is overwritten at test time"),
    (broken.OverwritesCotangent(), "inputs_unchanged", "∂ℓ/∂z is overwritten in the backward"),
    (broken.HooksStart(), "inputs_unchanged", "z₀ has hooks or a graph"),
    (broken.CountsCalls(), "method_unchanged", "attribute calls of the method"),
    (broken.WritesIntoItsClass(), "method_unchanged", "attribute last of WritesIntoItsClass"),
    (broken.ChangesItsMind(), "any_number_of_calls", "the gradient differs at call"),
    (broken.MovesOn(), "deterministic", "the gradient differs"),
    (broken.DrawsInSilence(), "draws_declared", "differs with the seed"),
    (broken.OnceOnly(), "second_backward", "a second backward pass of the same graph"),
    (broken.RemembersCotangent(), "second_backward", "with another ∂ℓ/∂z"),
    (broken.SilentSecondDerivative(), "second_derivative", "not refused"),
    (broken.KeepsWhatCannotBeStored(), "state_stored", "a value of type object cannot be stored"),
    (broken.StoresHalf(), "state_stored", "from a stored state"),
    (
        broken.SeedsThoughStochastic(deed=lambda: torch.manual_seed(0)),
        "process_unchanged",
        "seeded by the method: PyTorch's generator",
    ),
]


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Put back what a method has changed, and forget what it keeps."""
    before, folder = read_switches(), os.getcwd()
    broken._memory.clear()
    broken._memory["calls"] = 0
    with warnings.catch_warnings():
        yield
    broken.clean_up()
    changed_switches(before)
    os.chdir(folder)


def refusal(method: GradientMethod, name: str) -> str:
    on = BY_NAME[name].on
    case = private_copy(layer_case("degrad")) if on == LAYER else linear_case(on)
    with pytest.raises(ContractViolation) as refused:
        BY_NAME[name].check(method, case)
    return str(refused.value)


@pytest.mark.parametrize(
    ("method", "name", "reason"),
    REFUSED,
    ids=[f"{type(method).__name__}-{name}" for method, name, _ in REFUSED],
)
def test_broken_method_is_refused(method: GradientMethod, name: str, reason: str) -> None:
    assert reason in refusal(method, name)


@pytest.mark.parametrize("deed", broken.DEEDS)
@pytest.mark.parametrize("when", [Meddles, Afterwards, broken.AtTestTime])
def test_change_of_the_process_is_refused(when: type[Meddles], deed: str) -> None:
    if deed in PUT_BACK and when is Afterwards:
        pytest.skip("autograd itself puts it back")
    if deed == "gradients off" and when is broken.AtTestTime:
        pytest.skip("they are off at test time")
    act, switch = broken.DEEDS[deed]
    if deed in ("replaces a solver", "default device", "gradients off"):  # and then it fails
        verdict = judge(BY_NAME["process_unchanged"], when(act), "degrad", "float64")
        assert verdict.status == FAILED
        return
    assert switch in refusal(when(deed=act), "process_unchanged")


def test_what_a_bad_method_changes_spoils_no_other_verdict() -> None:
    bad = Meddles(deed=lambda: torch.set_default_dtype(torch.float64))
    assert judge(BY_NAME["process_unchanged"], bad, "degrad", "float64").status == FAILED
    assert torch.get_default_dtype() == torch.float32
    judge(BY_NAME["modes_kept"], bad, "degrad", "float64")
    assert torch.get_default_dtype() == torch.float32


@pytest.mark.parametrize(
    "method", [JacobianFreeBackpropagation(), Momentum(), RussianRoulette()], ids=repr
)
def test_right_methods_pass(method: GradientMethod) -> None:
    """With a state, with draws, and with neither."""
    names = ("process_unchanged", "inputs_unchanged", "method_unchanged", "second_backward")
    for name in (*names, "modes_kept", "nothing_left_behind"):
        if isinstance(method, Momentum):
            continue
        assert judge(BY_NAME[name], method, "degrad", "float64").status == OK, name
    verdict = judge(BY_NAME["state_stored"], method, "degrad", "float64")
    assert (verdict.status, verdict.reason) == (OK, "")
