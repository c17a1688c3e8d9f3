"""What a training leaves: its curve, its steps and its clock."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from bench.measurement.clock import Clock
from bench.records.model import Rows


@dataclass
class TrainingLog:
    """Evaluation points, steps, metrics and the clock of a training; whole also after a failure.

    started: on the clock of time.perf_counter; so much earlier, after a resumption, as the
    processes before took up to their last checkpoint. resumptions: how often it went on from one.
    """

    clock: Clock
    curve: Rows = field(default_factory=list)
    steps: Rows = field(default_factory=list)
    metrics: Rows = field(default_factory=list)  # that the method reported of its own
    eval_seconds: float = 0.0
    checkpoint_seconds: float = 0.0
    resumptions: int = 0
    started: float = field(default_factory=time.perf_counter)

    @property
    def wall_seconds(self) -> float:
        """Seconds since the start, those of earlier processes included."""
        return time.perf_counter() - self.started
