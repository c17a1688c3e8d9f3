"""The reference gradient is the true one, and a run says how far its own is from it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest
import torch
from torch import Tensor

from bench.config.plain import from_plain
from bench.measurement import gradient
from bench.measurement.gradient import (
    Case,
    ReferenceFailed,
    compare,
    errors_of_training,
    reference_gradient,
)
from bench.measurement.run import measure
from bench.measurement.training import training_loss
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import ImplicitLayer
from methods.solvers.iterate import Solver
from tests.support.gradient_case import gradient_case
from tests.support.tiny_runs import grid, number

COLUMNS = ("gradient_cosine", "gradient_relative_error", "gradient_norm_ratio")


@pytest.fixture(scope="module")
def case() -> Case:
    return gradient_case()


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
    short = replace(gradient.REFERENCE_SOLVER, max_iterations=2)
    monkeypatch.setattr(gradient, "REFERENCE_SOLVER", short)
    with pytest.raises(ReferenceFailed, match="forward solve of the reference did not converge"):
        reference_gradient(case)


def test_compare_by_hand() -> None:
    found = compare(torch.tensor([3.0, 4.0]), torch.tensor([3.0, -4.0]))
    assert found["cosine"] == pytest.approx(-7 / 25)
    assert found["relative_error"] == pytest.approx(8 / 5)
    assert found["norm_ratio"] == 1.0


# ------------------------------------------------------------------- the gradient of training


def at_tolerance(case: Case, method: Any, tolerance: float) -> dict[str, float]:
    forward = replace(case.config.forward, tolerance=tolerance, max_iterations=300)
    return errors_of_training(
        replace(case, config=replace(case.config, method=method, forward=forward))
    )


def test_the_gradient_of_training_is_that_of_its_method_and_its_tolerance(case: Case) -> None:
    exact = ImplicitFunctionTheorem(tolerance=1e-6)
    tight, loose = (at_tolerance(case, exact, tolerance) for tolerance in (1e-6, 1e-2))
    assert tight["relative_error"] < 1e-3 < loose["relative_error"]
    assert tight["cosine"] > 1 - 1e-6
    rough = at_tolerance(case, JacobianFreeBackpropagation(), 1e-6)
    assert rough["cosine"] < 0.999
    assert rough["norm_ratio"] != pytest.approx(1, abs=0.01)


def measured(method: str, *overrides: str) -> Any:
    (spec,) = grid(method, "memory_pass=false", "reconstruction_pass=false", *overrides)
    return measure(from_plain(spec.config))


@pytest.mark.usefixtures("short_timings")
def test_a_run_says_how_far_its_gradient_is_from_the_exact_one() -> None:
    tight = ("gradient_pass=true", "forward.tolerance=1e-6", "forward.max_iterations=300")
    exact = measured("ift[tolerance=1e-6]", *tight)
    rough = measured("jfb", *tight)
    assert number(exact, "gradient_cosine") > 1 - 1e-5
    assert number(exact, "gradient_norm_ratio") == pytest.approx(1, abs=1e-2)
    assert number(rough, "gradient_relative_error") > 10 * number(exact, "gradient_relative_error")


@pytest.mark.usefixtures("short_timings")
def test_the_weights_are_those_that_training_led_to(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[Case] = []

    def note(case: Case) -> dict[str, float]:
        seen.append(case)
        return {"cosine": 0.5}

    monkeypatch.setattr("bench.measurement.run.errors_of_training", note)
    for steps in (1, 4):
        record = measured("jfb", "gradient_pass=true", "train.batch_size=3", f"train.steps={steps}")
        assert number(record, "gradient_cosine") == 0.5
    short, long = (torch.cat([each.flatten() for each in case.weights.values()]) for case in seen)
    assert not torch.equal(short, long)
    assert torch.equal(seen[0].batch.clean, seen[1].batch.clean)
    assert len(seen[0].batch.clean) == len(seen[0].batch.observed) == 3


@pytest.mark.usefixtures("short_timings")
@pytest.mark.parametrize(("method", "wanted"), [("jfb", False), ("dncnn[depth=3]", True)])
def test_without_the_pass_or_a_layer_the_columns_are_missing(method: str, wanted: bool) -> None:
    record = measured(method, f"gradient_pass={str(wanted).lower()}")
    assert record.row["status"] == "completed"
    assert not set(COLUMNS) & set(record.row)


@pytest.mark.usefixtures("short_timings")
def test_a_run_without_a_reference_is_completed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    short = replace(gradient.REFERENCE_SOLVER, max_iterations=1)
    monkeypatch.setattr(gradient, "REFERENCE_SOLVER", short)
    record = measured("jfb", "gradient_pass=true")
    assert record.row["status"] == "completed"
    assert not set(COLUMNS) & set(record.row)
    assert "no gradient pass: the forward solve of the reference" in capsys.readouterr().err


@dataclass(frozen=True)
class NotFinite(JacobianFreeBackpropagation):
    """NaN."""

    def fixed_point(self, layer: Any, z0: Any, forward: Any) -> Any:
        return super().fixed_point(layer, z0, forward) * math.nan


def test_a_gradient_that_is_not_finite_has_no_direction(case: Case) -> None:
    assert math.isnan(at_tolerance(case, NotFinite(), 1e-3)["cosine"])
