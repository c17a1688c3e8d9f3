"""The numbers of a run that are compared between two experiments."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

from reports.comparison.matching import Run


@dataclass(frozen=True)
class Measure:
    """A number of a run that is compared: as a ratio B/A, or as a difference B - A."""

    name: str
    unit: str
    of_run: Callable[[Run], float]
    is_time: bool = False
    is_ratio: bool = True
    # Must be equal in both runs, or the numbers are of different things.
    like: str = "problem"


def _per_step(column: str) -> Callable[[Run], float]:
    def seconds(run: Run) -> float:
        steps = float(run["steps"])
        return float(run[column]) / steps if steps > 0 else math.nan

    return seconds


def _column(name: str) -> Callable[[Run], float]:
    return lambda run: float(run[name])


PSNR = Measure("psnr", "dB", _column("psnr"), is_ratio=False)
TRAINING_STEP = Measure("training step", "s", _per_step("train_seconds"), is_time=True)
FORWARD = Measure("forward", "s", _per_step("forward_seconds"), is_time=True)
BACKWARD = Measure("backward", "s", _per_step("backward_seconds"), is_time=True)
RECONSTRUCTION = Measure(
    "reconstruction", "s", _column("reconstruct_seconds_per_image"), is_time=True
)
MEMORY = Measure("peak memory", "B", _column("peak_memory_bytes"), like="peak_memory_source")
MEASURES = (PSNR, TRAINING_STEP, FORWARD, BACKWARD, RECONSTRUCTION, MEMORY)
