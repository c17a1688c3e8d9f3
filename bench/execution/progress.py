"""The live display of a grid: bars on a terminal, plain lines elsewhere."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
)

from bench.errors import printable
from bench.experiment.grid import RunSpec


class GridProgress:
    """Shows the current run, the whole grid and the time left; a line for every finished run."""

    def __init__(self, total: int, console: Console | None = None) -> None:
        self.total = total
        self._console = console or Console(stderr=True, soft_wrap=True, highlight=False)
        self._started = time.monotonic()
        self._done = 0
        self._made = 0.0  # runs made in this session: those found finished say nothing of the pace
        self._current: dict[str, tuple[TaskID, float, int]] = {}  # bar, part that is done, steps
        self._said_waiting = False
        self._bars = Progress(
            TextColumn("{task.description}", markup=False),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            TextColumn("{task.fields[note]}", markup=False),
            console=self._console,
            disable=not self._console.is_terminal,
        )
        self._overall = self._bars.add_task("all runs", total=total, note="")

    def __enter__(self) -> GridProgress:
        self._bars.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._bars.stop()

    def start(self, spec: RunSpec, steps: int) -> None:
        """A run begins; `steps` is the length of its training."""
        bar = self._bars.add_task(_title(spec), total=steps, note="preparing")
        self._current[spec.run_id] = (bar, 0.0, steps)

    def report(self, run_id: str, step: int, psnr: float) -> None:
        """A run that was started has come to `step`."""
        bar, _, steps = self._current[run_id]
        self._current[run_id] = (bar, step / steps, steps)
        self._bars.update(bar, completed=step, note=f"{psnr:.2f} dB")
        begun = sum(part for _, part, _ in self._current.values())
        self._bars.update(self._overall, note=self._left(self._made + begun, self._done + begun))

    def drop(self, spec: RunSpec) -> None:
        """A run that was started is made by somebody else."""
        self._bars.remove_task(self._current.pop(spec.run_id)[0])

    def wait_for(self, count: int) -> None:
        """Nothing is left to start, but others are making `count` runs; said once."""
        if not self._said_waiting:
            self._said_waiting = True
            runs = "1 run" if count == 1 else f"{count} runs"
            self._console.print(f"waiting for {runs} that another command makes", markup=False)

    def finish(self, spec: RunSpec, row: Mapping[str, object], *, kept: bool) -> None:
        """A run has ended, or was found ended (kept); `row` is its record."""
        self._done += 1
        self._made += not kept
        if spec.run_id in self._current:
            self.drop(spec)
        left = self._left(self._made, self._done)
        self._bars.update(self._overall, completed=self._done, note=left)
        words = [f"[{self._done}/{self.total}]", f"{_title(spec)}:", _outcome(row)]
        words += ["(kept from before)"] if kept else []
        words += [left] if left and not self._console.is_terminal else []
        self._console.print(" ".join(words), markup=False)

    def _left(self, made: float, done: float) -> str:
        """The time left at the pace so far, in words."""
        if made <= 0 or done >= self.total:
            return ""
        seconds = (time.monotonic() - self._started) / made * (self.total - done)
        return f"about {_duration(seconds)} left"


def _title(spec: RunSpec) -> str:
    problem = spec.config["problem"]
    layer = spec.config["layer"]
    size = problem["parameters"].get("size", "")
    words = [problem["name"], str(size), layer["name"] if layer else "", spec.method]
    return " ".join([*filter(None, words), f"seed {spec.config['seed']}"])


def _outcome(row: Mapping[str, object]) -> str:
    if row["status"] != "completed":
        return f"{row['status']}: {printable(row['message'], 500)}"
    train = float(str(row["train_seconds"]))
    trained = "" if math.isnan(train) else f", trained in {train:.1f} s"
    return f"{float(str(row['psnr'])):.2f} dB{trained}"


def _duration(seconds: float) -> str:
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest:02d} s" if minutes else f"{rest} s"
