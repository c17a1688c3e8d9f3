"""A training step, and what the suite adds to a bare training loop."""

from __future__ import annotations

import statistics
import time
from dataclasses import replace
from itertools import islice
from typing import Any

import pytest
import torch

from bench.measurement.clock import Clock
from bench.measurement.evaluation import Quality
from bench.measurement.models import TrainedModel
from bench.measurement.training import (
    batch_indices,
    step_without_update,
    train,
    training_loss,
)
from bench.measurement.training_log import TrainingLog
from problems.data import Pairs
from tests.benchmarks.conftest import quick_config, quick_model, training_data

STEPS = 100
NOTHING = Quality(torch.zeros(1), torch.zeros(1))


@pytest.mark.parametrize("method", ["jfb", "phantom", "ift", "unrolling"])
@pytest.mark.parametrize("size", [32, 64])
def test_training_step(benchmark: Any, method: str, size: int) -> None:
    config = quick_config(method, size)
    physics, pairs = training_data(config, 8)
    model = quick_model(config, physics)
    benchmark(step_without_update, model, pairs.observed, pairs.clean, "psnr")


def test_overhead_of_the_trainer(benchmark: Any) -> None:
    """Target: 100 JFB steps through the trainer take at most 1.05 times a bare loop's time."""
    config = quick_config("jfb")
    config = replace(config, train=replace(config.train, steps=STEPS, evaluate_every=STEPS))
    physics, pairs = training_data(config)

    def through_the_trainer() -> float:
        log = TrainingLog(Clock("cpu"))
        model = quick_model(config, physics)
        train(model, pairs, config.train, 0, log, lambda: NOTHING, lambda point: None)
        return log.clock.seconds

    def ratio() -> float:
        pairs_of_times = [
            (through_the_trainer(), _bare_loop(quick_model(config, physics), pairs))
            for _ in range(3)
        ]
        return statistics.median(suite / bare for suite, bare in pairs_of_times)

    measured = benchmark.pedantic(ratio, rounds=1)
    benchmark.extra_info["trainer / bare loop"] = round(measured, 3)
    print(f"\ntrainer / bare loop: {measured:.3f} (target: at most 1.05)")


def _bare_loop(model: TrainedModel, pairs: Pairs) -> float:
    optimiser = torch.optim.Adam(model.parameters(), lr=5e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, 5e-3, total_steps=STEPS, pct_start=0.1
    )
    batches = list(islice(batch_indices(len(pairs.clean), 8, 0), STEPS))
    started = time.perf_counter()
    for batch in batches:
        loss = training_loss("psnr", model.image(pairs.observed[batch]), pairs.clean[batch])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return time.perf_counter() - started
