"""Contenders timed side by side, and the layers on which they meet."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from bench.measurement.clock import Clock
from bench.measurement.evaluation import Quality
from bench.measurement.models import ImplicitModel
from bench.measurement.training import train
from bench.measurement.training_log import TrainingLog
from methods.networks.implicit_layer import FixedPointMap
from methods.networks.implicit_layer.contraction import jacobian_norm
from methods.solvers.iterate import Solver
from problems.data import Pairs
from tests.benchmarks.conftest import quick_config, quick_model, training_data

BATCH = 8
ROUNDS = 15
STEPS = 150  # of the training of the quick layer
CASES = ("32", "64", "contraction 0.95")


@dataclass
class Arena:
    """A layer with its weights, and a batch of observations."""

    label: str
    model: ImplicitModel
    pairs: Pairs
    contraction: float

    def condition(self) -> tuple[FixedPointMap, Tensor]:
        """The map with its weights bound, and the detached start."""
        layer, start = self.model._layer.condition(self.pairs.observed)
        return layer, start.detach()


@cache
@torch.enable_grad()
def arena(label: str) -> Arena:
    """One of CASES: the quick layer, trained, at 32 or 64 pixels; or one of contraction 0.95."""
    if label in ("32", "64"):
        return _arena(label, quick_config("jfb", int(label)), _trained_weights())
    config = quick_config("jfb")
    lower, upper = 0.8, 0.999
    for _ in range(12):  # the Lipschitz constant whose measured contraction is 0.95
        middle = (lower + upper) / 2
        changed = replace(config, layer=replace(config.layer, lipschitz=middle))
        found = _arena(label, changed, None)
        lower, upper = (middle, upper) if found.contraction < 0.95 else (lower, middle)
    return found


def _arena(label: str, config: Any, weights: dict[str, Tensor] | None) -> Arena:
    physics, pairs = training_data(config, BATCH)
    model = quick_model(config, physics)
    own = model.module.state_dict()  # the operator's buffers are of another size
    if weights is not None:
        own |= {name: weights[name] for name, _ in model.module.named_parameters()}
    model.module.load_state_dict(own)
    layer, start = model._layer.condition(pairs.observed)
    with torch.no_grad():
        z_star = Solver("anderson", 1e-6, 500).solve(layer, start.detach()).value
    return Arena(label, model, pairs, jacobian_norm(layer, z_star))


@cache
def _trained_weights() -> dict[str, Tensor]:
    config = quick_config("jfb")
    config = replace(config, train=replace(config.train, steps=STEPS, evaluate_every=STEPS))
    physics, pairs = training_data(config, 256)
    model = quick_model(config, physics)
    nothing = Quality(torch.zeros(1), torch.zeros(1))
    train(
        model, pairs, config.train, 0, TrainingLog(Clock("cpu")), lambda: nothing, lambda *_: None
    )
    return model.module.state_dict()


def median_times(
    contenders: Mapping[str, Callable[[], object]], rounds: int = ROUNDS
) -> dict[str, float]:
    """The median seconds of each, taken in turns so that a drift of the machine hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in contenders}
    for work in contenders.values():
        work()
    for _ in range(rounds):
        for name, work in contenders.items():
            started = time.perf_counter()
            work()
            times[name].append(time.perf_counter() - started)
    return {name: statistics.median(each) for name, each in times.items()}


def announce(title: str, lines: list[str]) -> None:
    """Print a block of results; `make bench` shows it with -s."""
    print(f"\n{title}", *lines, sep="\n  ")
