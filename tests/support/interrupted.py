"""Trainings that end in the middle, and what must not depend on it."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from bench.config.settings import ForwardConfig
from bench.measurement.checkpoint import Checkpoint
from bench.measurement.clock import Clock
from bench.measurement.evaluation import Quality
from bench.measurement.models import FeedForwardModel, TrainedModel
from bench.measurement.training import train, warm_up
from bench.measurement.training_log import TrainingLog
from methods.base import GradientMethod
from methods.solvers.trace import SolveLog
from tests.support.networks import TRAIN, model_of, random_pairs, run_config
from tests.support.stateful import Momentum

EVERY_STEP = 1e-9  # seconds: it is always time for a checkpoint
PAIRS = random_pairs()
SETTINGS = replace(TRAIN, evaluate_every=2)


class Killed(BaseException):
    """What stands for the end of the process."""


class Mortal(Checkpoint):
    """Written after each step; the process ends after step `last`, that one written or not."""

    def __init__(self, path: Path, last: int, *, key: str = "key", written: bool = True) -> None:
        super().__init__(path, key, EVERY_STEP)
        self.last, self.written = last, written

    def keep(self, model: TrainedModel, optimiser: Any, log: TrainingLog) -> None:
        ends = len(log.steps) == self.last
        if self.written or not ends:
            super().keep(model, optimiser, log)
        if ends:
            raise Killed


@dataclass(frozen=True)
class Drawing(GradientMethod):
    """JFB with noise from every global generator, as a plug-in may draw it."""

    def fixed_point(self, layer: Any, z0: Tensor, forward: Any) -> Tensor:
        scale = 0.01 * (random.random() + np.random.rand())
        z: Tensor = layer(forward(layer, z0))
        return z + scale * torch.randn_like(z)


def with_buffers() -> FeedForwardModel:
    """A network with buffers that each pass changes."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        filters = nn.utils.parametrizations.spectral_norm(nn.Conv2d(1, 4, 3, padding=1))
        last = nn.Conv2d(4, 1, 3, padding=1)
        return FeedForwardModel(nn.Sequential(filters, nn.BatchNorm2d(4), nn.ReLU(), last))


def built_in(method: str, **options: Any) -> Callable[[], TrainedModel]:
    return lambda: model_of(run_config(method, **options))


MODELS: dict[str, Callable[[], TrainedModel]] = {
    **{name: built_in(name) for name in ("jfb", "ift", "shine", "dncnn")},
    "unrolling": built_in("unrolling", parameters={"steps": 4}),
    "warm": built_in("jfb", forward=ForwardConfig(max_iterations=15, start="previous")),
    "drawing": lambda: model_of(replace(run_config(), method=Drawing())),
    "stateful": lambda: model_of(replace(run_config(), method=Momentum())),
    "buffers": with_buffers,
    "wider": built_in("jfb", guide_features=3),
}


@dataclass(frozen=True)
class Outcome:
    """What a training left; `told` and `weights` must not depend on an interruption."""

    told: dict[str, object]
    weights: dict[str, Tensor]
    log: TrainingLog


def process(name: str, checkpoint: Checkpoint | None = None) -> Outcome:
    """What a process does: seeds, model, warm-up, training."""
    torch.manual_seed(0)
    random.seed(0)
    np.random.seed(0)
    model, log = MODELS[name](), TrainingLog(Clock("cpu"))
    warm_up(model, PAIRS, SETTINGS)

    def evaluate() -> Quality:
        model.iterations = 1
        errors = (model.reconstruct(PAIRS.observed) - PAIRS.clean).square().flatten(1).mean(1)
        return Quality(-10 * errors.log10(), 1 - errors)

    train(model, PAIRS, SETTINGS, 0, log, evaluate, lambda *_: None, checkpoint)
    weights = {name: value.clone() for name, value in model.module.state_dict().items()}
    return Outcome(_told(model, log), weights, log)


def _told(model: TrainedModel, log: TrainingLog) -> dict[str, object]:
    """All but times, as text where there are floats: equal to the last bit, and NaN equals NaN."""
    return {
        "curve": repr([without_times(row) for row in log.curve]),
        "steps": repr([without_times(row) for row in log.steps]),
        "metrics": repr(log.metrics),
        "state": repr(model.method_state),
        "counts": (model.evaluations, model.vjps, model.iterations),
        "forward": _log(model.trace.forward),
        "adjoint": _log(model.trace.adjoint),
        "next draws": (random.random(), np.random.rand(), torch.rand(()).item()),
    }


def _log(solves: SolveLog) -> tuple[object, ...]:
    statuses = {str(status): count for status, count in solves.statuses.items()}
    return (solves.samples, solves.converged, repr(solves.last_residual), statuses)


def without_times(row: dict[str, object]) -> dict[str, object]:
    return {name: value for name, value in row.items() if name != "train_seconds"}


def kill(name: str, path: Path, last: int, **options: Any) -> None:
    """Train until the process ends after step `last`."""
    try:
        process(name, Mortal(path, last, **options))
    except Killed:
        return
    raise AssertionError(f"it was not killed at step {last}")


def assert_same(outcome: Outcome, expected: Outcome) -> None:
    assert outcome.told == expected.told
    assert outcome.weights.keys() == expected.weights.keys()
    for name, value in outcome.weights.items():
        assert torch.equal(value, expected.weights[name]), name
