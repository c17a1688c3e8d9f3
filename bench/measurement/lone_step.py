"""One training step that can be repeated at will: equal work each time, in a settled process."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace

from bench.config.settings import RunConfig
from bench.measurement.clock import synchronise
from bench.measurement.models import build_model
from bench.measurement.reproducibility import settle_process
from bench.measurement.training import one_step
from problems.base import problem_of_seed
from problems.data import make_pairs

Repeat = Callable[[int], float]


def repeatable_step(config: RunConfig) -> Repeat:
    """A function that makes a number of steps and returns the seconds that they took.

    config: its device is resolved. Each step is the forward and backward pass of the same batch
    with the same weights, which stay as they are. Settles this process, and warms up with one step.
    """
    settle_process(config.num_threads)
    problem = problem_of_seed(config.problem, config.seed)
    physics, device, train = problem.physics(config.device), config.device, config.train
    pairs = make_pairs(
        problem, physics, config.images, "train", train.batch_size, config.seed, device
    )
    model = build_model(replace(config, problem=problem), physics)

    def repeat(count: int) -> float:
        synchronise(device)
        started = time.perf_counter()
        for _ in range(count):
            one_step(model, pairs, train)
        synchronise(device)
        return time.perf_counter() - started

    repeat(1)
    return repeat
