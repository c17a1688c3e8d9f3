"""What a method keeps between steps, reports of its own and draws, in training and beside it."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from bench.config.plain import from_plain
from bench.measurement.clock import Clock
from bench.measurement.method_state import devices_of, on_devices
from bench.measurement.reproducibility import random_state
from bench.measurement.run import measure
from bench.measurement.training import batch_indices, one_step, train, warm_up
from bench.measurement.training_log import TrainingLog
from bench.records import RunRecord
from methods.base import GradientMethod, report_metric
from methods.jfb import JacobianFreeBackpropagation
from tests.support.interrupted import Drawing
from tests.support.networks import TRAIN, model_of, random_pairs, run_config
from tests.support.stateful import Momentum
from tests.support.tiny_runs import grid

pytestmark = pytest.mark.usefixtures("short_timings")

STEPS = 6


def measured(method: GradientMethod, *settings: str) -> RunRecord:
    (spec,) = grid("jfb", f"train.steps={STEPS}", *settings)
    return measure(replace(from_plain(spec.config), method=method))


def trained(method: GradientMethod) -> RunRecord:
    """Measured without the passes beside the training."""
    return measured(method, "memory_pass=false", "reconstruction_pass=false")


def values(record: RunRecord, name: str) -> list[Any]:
    return [row["value"] for row in record.metrics if row["name"] == name]


def numbers(record: RunRecord) -> str:
    columns = ("psnr", "ssim", "validation_psnr")
    return repr([*(record.row[name] for name in columns), record.images])


def test_state_begins_empty_and_is_of_training_steps_alone() -> None:
    record = measured(Momentum(), "train.evaluate_every=1")
    assert record.row["status"] == "completed"
    assert values(record, "steps with a state") == list(range(STEPS))
    sizes = values(record, "size of the mean")
    assert sizes[0] == 0
    assert all(size > 0 for size in sizes[1:])


def test_state_has_an_effect_and_depends_on_no_other_pass() -> None:
    """Memory pass, evaluations and fewer iterations leave no trace in what is trained."""
    with_passes = measured(Momentum(), "train.evaluate_every=1")
    without = measured(
        Momentum(), "train.evaluate_every=6", "memory_pass=false", "reconstruction_pass=false"
    )
    assert numbers(with_passes) == numbers(without)
    assert with_passes.metrics == without.metrics
    assert numbers(with_passes) != numbers(measured(JacobianFreeBackpropagation()))


def test_passes_beside_training_leave_the_state_as_it_was() -> None:
    model, pairs = model_of(replace(run_config(), method=Momentum())), random_pairs()
    warm_up(model, pairs, TRAIN)
    assert model.method_state == {}
    train(model, pairs, TRAIN, 0, TrainingLog(Clock("cpu")), _no_quality, lambda *_: None)
    before = repr(model.method_state)
    assert model.method_state["steps"] == TRAIN.steps
    one_step(model, pairs, TRAIN)
    one_step(model.at_iterations(3, exactly=True), pairs, TRAIN)
    model.reconstruct(pairs.observed)
    assert repr(model.method_state) == before


def _no_quality() -> Any:
    return type("Unknown", (), {"mean_psnr": math.nan, "mean_ssim": math.nan})()


def test_samples_are_the_indices_of_the_batch() -> None:
    model, pairs = model_of(replace(run_config(), method=Momentum())), random_pairs()
    train(model, pairs, TRAIN, 0, TrainingLog(Clock("cpu")), _no_quality, lambda *_: None)
    batches = islice(batch_indices(len(pairs.clean), TRAIN.batch_size, 0), TRAIN.steps)
    seen = [index for batch in batches for index in batch.tolist()]
    assert model.method_state["seen"] == seen[-4:]
    assert len(set(seen[-4:])) > 2


def test_a_model_with_fewer_iterations_has_the_same_state() -> None:
    """So that the memory law counts it."""
    model = model_of(replace(run_config(), method=Momentum()))
    model.method_state["mean"] = torch.ones(1)
    assert model.at_iterations(3, exactly=True).method_state is model.method_state


def test_warm_up_draws_nothing() -> None:
    model = model_of(replace(run_config(), method=Drawing()))
    before = repr(random_state("cpu"))
    warm_up(model, random_pairs(), TRAIN)
    assert repr(random_state("cpu")) == before


@dataclass(frozen=True)
class KeepsGraph(GradientMethod):
    def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
        forward.state["last"] = [layer(forward(layer, z0))]
        return forward.state["last"][0]


def test_state_with_a_graph_is_refused_before_training() -> None:
    record = measured(KeepsGraph())
    assert record.row["status"] == "error"
    assert "forward.state['last'] has an autograd graph" in str(record.row["message"])
    assert record.steps == []


def test_stored_state_goes_back_to_its_devices() -> None:
    state = {"a": torch.ones(2), "nested": [{"b": torch.empty(3, device="meta")}, 1.5, "text"]}
    assert devices_of(state) == ["cpu", "meta"]
    moved = on_devices(
        {"a": torch.ones(2), "nested": [{"b": torch.ones(3)}, 1.5, "text"]}, ["cpu"] * 2
    )
    assert moved["nested"][1:] == [1.5, "text"]
    assert on_devices(moved, ["cpu", "meta"])["nested"][0]["b"].device.type == "meta"


# -------------------------------------------------------------------------------------- metrics


@dataclass(frozen=True)
class Reports(JacobianFreeBackpropagation):
    """Reports whatever it is told to."""

    name: Any = "angle"
    value: Any = 1.0

    def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
        report_metric(self.name, 7.0)
        report_metric(self.name, self.value)
        return super().fixed_point(layer, z0, forward)


@pytest.mark.parametrize(
    ("value", "expected"),
    [(2, 2.0), (torch.tensor([[0.5]]), 0.5), (math.inf, math.inf), (-1e150, -math.inf)],
)
def test_the_last_value_of_a_step_is_kept(value: Any, expected: float) -> None:
    record = trained(Reports(value=value))
    found = [(row["step"], row["name"], row["value"]) for row in record.metrics]
    assert found == [(step, "angle", expected) for step in range(1, STEPS + 1)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("", 1.0),
        ("a\nb", 1.0),
        ("x" * 101, 1.0),
        (3, 1.0),
        ("a", torch.ones(2)),
        ("a", "many"),
        ("a", np.ones(3)),
        ("a", 10**400),
    ],
)
def test_what_is_no_metric_is_an_error_of_the_run(name: Any, value: Any) -> None:
    record = measured(Reports(name=name, value=value))
    assert record.row["status"] == "error"
    assert "report_metric: " in str(record.row["message"])


def test_a_tensor_may_be_written_into_after_it_was_reported() -> None:
    @dataclass(frozen=True)
    class Reuses(JacobianFreeBackpropagation):
        def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
            number = torch.ones(())
            report_metric("one", number)
            number.fill_(9)
            return super().fixed_point(layer, z0, forward)

    assert values(trained(Reuses()), "one") == [1.0] * STEPS


def test_too_many_metrics_are_an_error_of_the_run() -> None:
    @dataclass(frozen=True)
    class Talks(JacobianFreeBackpropagation):
        def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
            for index in range(51):
                report_metric(f"metric {index}", index)
            return super().fixed_point(layer, z0, forward)

    assert "at most 50 metrics" in str(measured(Talks()).row["message"])


# -------------------------------------------------------------------------------- random numbers


def disturb() -> None:
    """What an earlier user of the global generators leaves."""
    for draw in (random.random, np.random.rand, torch.rand):
        draw(*[3] * (draw is not random.random))


def test_runs_with_draws_from_every_generator_are_identical() -> None:
    first = trained(Drawing())
    disturb()
    assert numbers(trained(Drawing())) == numbers(first)


def test_draws_depend_on_no_evaluation() -> None:
    @dataclass(frozen=True)
    class DrawsAtTestTime(Drawing):
        def reconstruct(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
            random.random(), np.random.rand(), torch.rand(2)
            return super().reconstruct(layer, z0, forward)

    often = measured(DrawsAtTestTime(), "train.evaluate_every=1")
    assert numbers(often) == numbers(measured(DrawsAtTestTime(), "train.evaluate_every=6"))
