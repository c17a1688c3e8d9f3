"""One row: what a method's gradient is, beside the reference, and what it costs."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.fidelity import row as fidelity
from bench.fidelity.row import measure
from bench.measurement.gradient import Case, Pass, reference_gradient
from methods.deepinv_jfb import DeepinvJacobianFree
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.shine import SharedInverse
from methods.torchdeq_jfb import TorchdeqJacobianFree
from methods.unrolling import Unrolling
from tests.support.gradient_case import gradient_case

TIGHT = 1e-6


@pytest.fixture(scope="module")
def case() -> Case:
    return gradient_case()


@pytest.fixture(scope="module")
def reference(case: Case) -> Tensor:
    return reference_gradient(case)


def test_the_exact_method_agrees_and_the_approximate_one_does_not(
    case: Case, reference: Tensor
) -> None:
    exact = measure(ImplicitFunctionTheorem(tolerance=TIGHT), settled(case), reference, TIGHT)
    assert float(str(exact["cosine"])) > 1 - 1e-6
    assert float(str(exact["relative_error"])) < 1e-3
    assert float(str(exact["norm_ratio"])) == pytest.approx(1, abs=1e-3)
    rough = measure(JacobianFreeBackpropagation(), settled(case), reference, TIGHT)
    assert float(str(rough["cosine"])) < 0.999
    assert float(str(rough["relative_error"])) > 0.01


def settled(case: Case) -> Case:
    """The case with enough iterations for a tight tolerance."""
    return replace(case, config=replace(case.config, forward=replace_forward(case)))


def replace_forward(case: Case) -> Any:
    return replace(case.config.forward, max_iterations=300)


@dataclass(frozen=True)
class WrongSign(ImplicitFunctionTheorem):
    """The exact gradient, its sign turned."""

    def fixed_point(self, layer: Any, z0: Any, forward: Any) -> Any:
        image = super().fixed_point(layer, z0, forward)
        return 2 * image.detach() - image


def test_a_wrong_sign_shows(case: Case, reference: Tensor) -> None:
    row = measure(WrongSign(tolerance=TIGHT), settled(case), reference, TIGHT)
    assert float(str(row["cosine"])) == pytest.approx(-1, abs=1e-5)
    assert float(str(row["relative_error"])) == pytest.approx(2, abs=1e-2)


def test_a_row_has_costs_and_convergence(case: Case, reference: Tensor) -> None:
    row = measure(Unrolling(steps=7), case, reference, 1e-3)
    assert row["status"] == "completed"
    assert (row["forward_evaluations"], row["vjps"]) == (7.0, 7.0)
    assert row["peak_memory_source"] == "live_tensors"
    for name in ("forward_seconds", "backward_seconds", "peak_memory_bytes", "forward_residual"):
        assert float(str(row[name])) > 0
    assert math.isnan(float(str(row["adjoint_converged_fraction"])))
    stopped = measure(ImplicitFunctionTheorem(max_iterations=1), case, reference, 1e-3)
    assert stopped["adjoint_converged_fraction"] == 0


@pytest.mark.parametrize(
    ("method", "uses"),
    [
        (Unrolling(steps=3), False),
        (JacobianFreeBackpropagation(), True),
        (ImplicitFunctionTheorem(), True),
        (SharedInverse(), True),
        (TorchdeqJacobianFree(), True),
        (DeepinvJacobianFree(), True),
    ],
)
def test_the_tolerance_is_noted_only_if_it_was_used(
    case: Case, reference: Tensor, method: Any, uses: bool
) -> None:
    tolerance = float(str(measure(method, case, reference, 0.1)["tolerance"]))
    assert tolerance == 0.1 if uses else math.isnan(tolerance)


@dataclass(frozen=True)
class NotFinite(JacobianFreeBackpropagation):
    """NaN."""

    def fixed_point(self, layer: Any, z0: Any, forward: Any) -> Any:
        return super().fixed_point(layer, z0, forward) * math.nan


def test_a_gradient_that_is_not_finite_is_a_status(case: Case, reference: Tensor) -> None:
    row = measure(NotFinite(), case, reference, 1e-2)
    assert row["status"] == "diverged"
    assert "cosine" not in row
    assert "forward_seconds" not in row


@dataclass(frozen=True)
class NoGraph(JacobianFreeBackpropagation):
    """Forgets the weights: its image depends on z₀ alone, which has a graph of its own."""

    def fixed_point(self, layer: Any, z0: Any, forward: Any) -> Any:
        return z0.detach().requires_grad_() * 1.0


def test_a_gradient_of_zero_is_no_direction(case: Case, reference: Tensor) -> None:
    row = measure(NoGraph(), case, reference, 1e-2)
    assert math.isnan(float(str(row["cosine"])))
    assert (row["relative_error"], row["norm_ratio"]) == (1.0, 0.0)


def test_a_slow_method_is_timed_once(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "PATIENCE_SECONDS", 0.0)
    calls = []
    empty = torch.empty(0)

    def once() -> Pass:
        calls.append(1)
        return Pass(empty, 1.0, 3.0, None)  # type: ignore[arg-type]

    assert fidelity._timed(once) == {"forward_seconds": 1.0, "backward_seconds": 3.0}
    assert len(calls) == 1
    monkeypatch.setattr(fidelity, "PATIENCE_SECONDS", 100.0)
    fidelity._timed(once)
    assert len(calls) == 1 + fidelity.REPEATS
