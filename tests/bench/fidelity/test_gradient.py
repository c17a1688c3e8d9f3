"""One measurement: the reference is the true gradient, and a method's row says what it is."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.fidelity import gradient as fidelity
from bench.fidelity.gradient import Case, ReferenceFailed, compare, measure, reference_gradient
from bench.measurement.models import build_model
from bench.measurement.training import training_loss
from methods.deepinv_jfb import DeepinvJacobianFree
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import ImplicitLayer
from methods.shine import SharedInverse
from methods.solvers.iterate import Solver
from methods.torchdeq_jfb import TorchdeqJacobianFree
from methods.unrolling import Unrolling
from problems.data import Pairs
from tests.support.networks import PROBLEM, random_pairs, run_config

TIGHT = 1e-6


@pytest.fixture(scope="module")
def case() -> Case:
    """Two images of 16 pixels, at weights away from their symmetric start."""
    config = run_config()
    physics = PROBLEM.physics()
    generator = torch.Generator().manual_seed(3)
    weights = {
        name: value.detach() + 0.1 * torch.randn(value.shape, generator=generator)
        for name, value in build_model(config, physics).module.named_parameters()
    }
    pairs = random_pairs(2)
    return Case(config, physics, Pairs(pairs.clean, pairs.observed), weights)


@pytest.fixture(scope="module")
def reference(case: Case) -> Tensor:
    return reference_gradient(case)


def loss_at(case: Case, layer: ImplicitLayer) -> float:
    """The training loss at the fixed point, by plain iteration in double precision."""
    with torch.no_grad():
        bound, start = layer.condition(case.batch.observed.double())
        solver = Solver("fixed_point", tolerance=1e-14, max_iterations=5000)
        image = solver.solve(bound, start).value
        return float(training_loss(case.config.train.loss, image, case.batch.clean.double()))


def moved(case: Case, direction: Tensor, step: float) -> float:
    layer = case.layer_in_double()
    flat = torch.nn.utils.parameters_to_vector(layer.parameters())
    torch.nn.utils.vector_to_parameters(flat + step * direction, layer.parameters())
    return loss_at(case, layer)


@pytest.mark.parametrize("seed", [0, 1])
def test_the_reference_is_the_derivative_of_the_loss(
    case: Case, reference: Tensor, seed: int
) -> None:
    generator = torch.Generator().manual_seed(seed)
    direction = torch.randn(reference.shape, generator=generator, dtype=torch.float64)
    direction /= direction.norm()
    step = 1e-5
    slope = (moved(case, direction, step) - moved(case, direction, -step)) / (2 * step)
    assert slope == pytest.approx(float(direction @ reference), rel=1e-6, abs=1e-8)


def test_both_precisions_have_one_layer(case: Case) -> None:
    z = case.batch.observed
    with torch.no_grad():
        single = case.layer().condition(z)[0](z)
        double = case.layer_in_double().condition(z.double())[0](z.double())
    assert double.dtype == torch.float64
    torch.testing.assert_close(single.double(), double, rtol=1e-5, atol=1e-6)


def test_a_reference_that_does_not_converge_is_refused(
    case: Case, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = replace(fidelity.REFERENCE_SOLVER, max_iterations=2)
    monkeypatch.setattr(fidelity, "REFERENCE_SOLVER", short)
    with pytest.raises(ReferenceFailed, match="forward solve of the reference did not converge"):
        reference_gradient(case)


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


def test_compare_by_hand() -> None:
    found = compare(torch.tensor([3.0, 4.0]), torch.tensor([3.0, -4.0]))
    assert found["cosine"] == pytest.approx(-7 / 25)
    assert found["relative_error"] == pytest.approx(8 / 5)
    assert found["norm_ratio"] == 1.0


def test_a_slow_method_is_timed_once(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fidelity, "PATIENCE_SECONDS", 0.0)
    calls = []
    empty = torch.empty(0)

    def once() -> fidelity.Pass:
        calls.append(1)
        return fidelity.Pass(empty, 1.0, 3.0, None)  # type: ignore[arg-type]

    assert fidelity._timed(once) == {"forward_seconds": 1.0, "backward_seconds": 3.0}
    assert len(calls) == 1
    monkeypatch.setattr(fidelity, "PATIENCE_SECONDS", 100.0)
    fidelity._timed(once)
    assert len(calls) == 1 + fidelity.REPEATS
