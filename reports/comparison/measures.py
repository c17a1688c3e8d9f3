"""The numbers of a run that are compared between two experiments."""

from __future__ import annotations

import math
from dataclasses import dataclass

from reports.comparison.matching import Run


@dataclass(frozen=True)
class Measure:
    """A number of a run that is compared: as a ratio B/A, or as a difference B - A."""

    name: str
    unit: str
    column: str
    per_step: bool = False
    is_ratio: bool = True
    # Must be equal in both runs, or the numbers are of different things.
    like: str = "problem"
    floor: str = ""  # the measure of the noise floor that its noise is like

    @property
    def is_time(self) -> bool:
        """Whether it depends on the machine."""
        return self.unit == "s"

    def of_run(self, run: Run) -> float:
        """Return the number of a run; NaN per step if there was none."""
        value, steps = float(run[self.column]), float(run["steps"]) if self.per_step else 1.0
        return value / steps if steps > 0 else math.nan


PSNR = Measure("psnr", "dB", "psnr", is_ratio=False)
TRAINING_STEP = Measure("training step", "s", "train_seconds", per_step=True, floor="step")
FORWARD = Measure("forward", "s", "forward_seconds", per_step=True, floor="step")
BACKWARD = Measure("backward", "s", "backward_seconds", per_step=True, floor="step")
RECONSTRUCTION = Measure("reconstruction", "s", "reconstruct_seconds_per_image", floor="image")
MEMORY = Measure("peak memory", "B", "peak_memory_bytes", like="peak_memory_source")
TIMES = (TRAINING_STEP, FORWARD, BACKWARD, RECONSTRUCTION)
MEASURES = (PSNR, *TIMES, MEMORY)
