"""Methods that are wrong in their accounts are refused; honest ones with unusual means are not."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import layer_case
from bench.contracts.linear import linear_case
from bench.contracts.passes import Passes, marked
from bench.contracts.properties import LAYER, PROPERTIES
from bench.contracts.requirement import ContractViolation
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from tests.support import broken_accounts as broken
from tests.support.broken_methods import private_copy

BY_NAME = {one.name: one for one in PROPERTIES}
USUAL = 1e-4
HIDDEN = [broken.batched, broken.pulled, broken.pushed, broken.pushed_once, broken.linearised]
HIDDEN += [broken.rows, broken.mapped]
REFUSED: list[tuple[GradientMethod, str, str]] = [
    (
        broken.HiddenWhere(lambda forward: forward.solver.tolerance < USUAL),
        "counts",
        "tight tolerance, in training: (evaluations, vjps)",
    ),
    (
        broken.HiddenWhere(lambda forward: forward.solver.tolerance >= USUAL),
        "counts",
        "usual tolerance, in training: (evaluations, vjps)",
    ),
    (
        broken.HiddenWhere(lambda forward: forward.solver.max_iterations < 10),
        "counts",
        "cut short, in training: (evaluations, vjps)",
    ),
    (broken.HiddenWhere(at_test_time=True), "counts", "tight tolerance, at test time"),
    (
        broken.HiddenWhere(lambda forward: forward.solver.tolerance >= USUAL, at_test_time=True),
        "counts",
        "usual tolerance, at test time",
    ),
    (broken.HiddenAtLimit(), "counts_at_limit", "reported, "),
    (broken.Writes("evaluations"), "counts", "writes the counters"),
    (broken.Writes("vjps", undone=True), "counts", "writes the counters"),
    (broken.Overcounts(), "counts", "reported, "),
    *((broken.HiddenProducts(take), "counts", "reported, ") for take in HIDDEN),
    (broken.HiddenProducts(broken.linearised, below=False), "counts", "reported, "),
    (broken.KeepsIterates("closure"), "memory_law", "bytes kept after 5 iterations"),
    (broken.KeepsIterates("map"), "memory_law", "bytes kept after 5 iterations"),
    (broken.KeepsIterates("image"), "memory_law", "bytes kept after 5 iterations"),
    (broken.StoresAll(checkpoint=3), "memory_of_steps", "the kept bytes grow by "),
    (broken.StoresAll(steps=40), "memory_of_steps", "the kept bytes grow by "),
    (broken.KeepsSteps(checkpoint=3), "memory_of_steps", "the kept bytes grow by "),
    (broken.KeepsSteps(checkpoint=3, late=True), "memory_of_steps", "the peak bytes grow by "),
    *(
        (broken.Leaks(where, at_test_time), "no_leak", "bytes more stay in memory")
        for where in ("instance", "class", "graph")
        for at_test_time in (False, True)
    ),
    (broken.Leaks("state"), "no_leak", "bytes more stay in memory"),
]
pytestmark = [
    # When torch.func.jvp is first called, it uses a part of PyTorch that PyTorch calls deprecated.
    pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning"),
    # PyTorch warns of what its own linearize does.
    pytest.mark.filterwarnings("ignore:Attempted to insert a get_attr Node:UserWarning"),
]


@pytest.mark.parametrize("layer", ["degrad", pytest.param("deprox", marks=pytest.mark.soak)])
@pytest.mark.parametrize(("method", "name", "reason"), REFUSED)
def test_broken_account_is_refused(
    method: GradientMethod, name: str, reason: str, layer: str
) -> None:
    on = BY_NAME[name].on
    case = private_copy(layer_case(layer)) if on == LAYER else linear_case(on)
    with pytest.raises(ContractViolation) as refused:
        BY_NAME[name].check(method, case)
    assert reason in str(refused.value)


@pytest.mark.parametrize(
    "take", [broken.batched, broken.pulled, broken.pushed, broken.pushed_once, broken.mapped]
)
def test_what_is_computed_through_the_map_is_counted(
    take: Callable[[FixedPointMap, Tensor, Tensor], None],
) -> None:
    method = broken.HiddenProducts(take, below=False)
    BY_NAME["counts"].check(method, layer_case("degrad"))


def test_a_mark_changes_no_value_and_is_seen_in_every_derivative() -> None:
    z = torch.arange(6.0).view(2, 1, 1, 3).requires_grad_()
    with Passes(z.numel()) as passes:
        value = marked(z)
        probe = torch.zeros_like(value, requires_grad=True)
        (pulled,) = torch.autograd.grad(value, z, probe, create_graph=True)
        (pushed,) = torch.autograd.grad(pulled, probe, z.detach())
    assert passes.count == 3
    assert torch.equal(value, z)
    assert torch.equal(pushed, z)


def test_other_rolls_are_no_marks() -> None:
    with Passes(6) as passes:
        torch.arange(6.0).roll(2).roll(-3)
    assert passes.count == 0
