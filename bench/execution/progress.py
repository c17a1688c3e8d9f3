"""The live display of a grid: the current runs, the whole grid and the time left."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from rich.console import Console
from rich.progress import TaskID

from bench.errors import counted, printable
from bench.experiment.progress import ProgressDisplay
from bench.experiment.spec import RunSpec


class GridProgress(ProgressDisplay):
    """Shows the current runs, the whole grid and the time left; a line for every finished run."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        super().__init__(total, "all runs", console)
        self._started = time.monotonic()
        self._made = 0.0  # runs made in this session: those found finished say nothing of the pace
        self._current: dict[str, tuple[TaskID, float, int]] = {}  # bar, part that is done, steps
        self._is_waiting = False

    def start(self, spec: RunSpec, steps: int) -> None:
        """A run begins; `steps` is the length of its training."""
        bar = self.bars.add_task(spec.title, total=steps, note="preparing")
        self._current[spec.run_id] = (bar, 0.0, steps)

    def report(self, run_id: str, step: int, psnr: float) -> None:
        """A run that was started has come to `step`."""
        bar, _, steps = self._current[run_id]
        self._current[run_id] = (bar, step / steps, steps)
        self.bars.update(bar, completed=step, note=f"{psnr:.2f} dB")
        begun = sum(part for _, part, _ in self._current.values())
        self.bars.update(self.overall, note=self._time_left(self._made + begun, self.done + begun))

    def drop(self, spec: RunSpec) -> None:
        """A run that was started is made by somebody else."""
        self.bars.remove_task(self._current.pop(spec.run_id)[0])

    def wait_for(self, count: int) -> None:
        """Nothing is left to start, but others are making `count` runs; said once."""
        if not self._is_waiting:
            self._is_waiting = True
            self.say(f"waiting for {counted(count, 'run')} of another command")

    def finish(self, spec: RunSpec, row: Mapping[str, object], *, kept: bool) -> None:
        """A run has ended, or was found ended (kept); `row` is its record."""
        self._made += not kept
        if spec.run_id in self._current:
            self.drop(spec)
        left = self._time_left(self._made, self.done + 1)
        outcome = f"{spec.title}: {_outcome(row)}{' (from an earlier command)' if kept else ''}"
        self.advance([outcome, "" if self.console.is_terminal else left], left)

    def _time_left(self, made: float, done: float) -> str:
        """The time left at the pace so far, in words."""
        if made <= 0 or done >= self.total:
            return ""
        seconds = (time.monotonic() - self._started) / made * (self.total - done)
        return f"about {_duration(seconds)} left"


def _outcome(row: Mapping[str, object]) -> str:
    if row["status"] != "completed":
        return f"{row['status']}: {printable(row['message'], 500)}"
    train = float(str(row["train_seconds"]))
    trained = "" if math.isnan(train) else f", trained in {train:.1f} s"
    return f"{float(str(row['psnr'])):.2f} dB{trained}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
