"""What is sent to the process that makes a run, and what it sends back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Report = Callable[[int, float], None]  # of a step, and the PSNR (dB) after it


@dataclass(frozen=True)
class TimeLimit:
    """After how many seconds a run is ended, 0 for never, and what its record then says."""

    seconds: float
    message: str


@dataclass(frozen=True)
class Order:
    """What a process needs to make one run; all of it can be sent to another process.

    row: the run's `identity`; plugins: those to load; callbacks: those to tell of the run, such as
    `tensorboard`; cores: the processor cores to stay on, all if empty; visible_devices: of
    CUDA_VISIBLE_DEVICES, unchanged if None; concurrency: how many runs are made at a time on this
    machine; replaces: when the record that this run is to replace was started, "" for none: a
    record of this very run that is not that one was made meanwhile; outer_limit: a limit of time
    beside the run's own.
    """

    row: dict[str, object]
    config: dict[str, Any]
    results: Path
    plugins: tuple[str, ...] = ()
    callbacks: tuple[str, ...] = ()
    cores: tuple[int, ...] = ()
    visible_devices: str | None = None
    concurrency: int = 1
    replaces: str = ""
    outer_limit: TimeLimit | None = None

    @property
    def run_id(self) -> str:
        """The name of the run."""
        return str(self.row["run_id"])

    @property
    def limit(self) -> TimeLimit:
        """The shorter of the two limits."""
        seconds = float(self.config["timeout_seconds"])
        own = TimeLimit(seconds, f"time limit reached (timeout_seconds={seconds:g})")
        limits = [limit for limit in (own, self.outer_limit) if limit and limit.seconds]
        return min(limits, key=lambda limit: limit.seconds, default=own)


@dataclass
class Outcome:
    """What became of an order: the row of its record, or None where it made none, and why."""

    row: dict[str, object] | None
    reason: str = ""
    kept: bool = True  # the row is on disk
