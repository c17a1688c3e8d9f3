"""Makes every run of an experiment that is due, in as many slots as there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait

from bench.execution.job import Job
from bench.execution.launcher import Launcher
from bench.execution.order import Order, Outcome
from bench.execution.progress import GridProgress
from bench.execution.slots import Slot
from bench.execution.supervisor import write_failure
from bench.experiment.claims import Claims
from bench.experiment.identity import identity
from bench.experiment.spec import RunSpec
from bench.experiment.state import ENDED, Experiment, RunState
from bench.plugins import loaded_plugins
from bench.records import COMPLETED

POLL_SECONDS = 0.5


@dataclass
class GridResult:
    """How many runs of the grid failed, and what could not be written down."""

    failed: int = 0
    unkept: list[str] = field(default_factory=list)


def run_grid(
    experiment: Experiment,
    slots: Sequence[Slot] = (Slot(),),
    retry: Collection[RunState] = (),
    callbacks: tuple[str, ...] = (),
) -> GridResult:
    """Make every run that is due; those that others are making are waited for.

    A run that fails, is killed or takes too long becomes a record that says so, and the next one is
    made. Interrupted, it ends what it has begun, which then leaves no record. callbacks: those to
    tell of each run.
    """
    with GridProgress(len(experiment.specs)) as progress:
        runner = _GridRunner(experiment, slots, retry, callbacks, progress)
        try:
            runner.make()
        finally:
            runner.cancel()
            Claims(experiment.folder).remove_stale()
    return runner.result


class _GridRunner:
    """A grid as it is being made."""

    def __init__(
        self,
        experiment: Experiment,
        slots: Sequence[Slot],
        retry: Collection[RunState],
        callbacks: tuple[str, ...],
        progress: GridProgress,
    ) -> None:
        self._experiment, self._retry, self._progress = experiment, retry, progress
        self._callbacks = callbacks
        self._free, self._concurrency = list(slots), len(slots)
        self._waiting: deque[RunSpec] = deque()
        self._under_way: dict[str, tuple[RunSpec, Slot, Job]] = {}
        self._launcher: Launcher | None = None
        self.result = GridResult()

    def make(self) -> None:
        """Make those that are due, in their order."""
        for spec, standing in self._experiment:
            if self._experiment.is_due(spec.run_id, self._retry):
                self._waiting.append(spec)
            else:
                self._finish(spec, standing.row or {}, kept=True)
        while self._waiting or self._under_way:
            self._fill_slots()
            if self._under_way:
                waitables = [each for *_, job in self._under_way.values() for each in job.waitables]
                wait(waitables, POLL_SECONDS if self._free and self._waiting else None)
                self._poll()
            elif self._waiting:
                self._progress.wait_for(len(self._waiting))
                time.sleep(POLL_SECONDS)

    def cancel(self) -> None:
        """End whatever is under way."""
        for _, _, job in self._under_way.values():
            job.cancel()

    def _fill_slots(self) -> None:
        """Start runs while there is room; what others make meanwhile is theirs."""
        for _ in range(len(self._waiting)):
            if not self._free:
                return
            spec = self._waiting.popleft()
            planned = self._experiment.attempt(spec.run_id)
            self._experiment.refresh(spec)
            now = self._experiment[spec.run_id]
            made_meanwhile = self._experiment.attempt(spec.run_id) != planned
            is_due = self._experiment.is_due(spec.run_id, self._retry)
            if now.state is RunState.RUNNING:
                self._waiting.append(spec)
            elif now.state in ENDED and (made_meanwhile or not is_due):
                self._finish(spec, now.row or {}, kept=True)
            else:
                self._start(spec, self._free.pop(0))

    def _start(self, spec: RunSpec, slot: Slot) -> None:
        order = Order(
            row=identity(spec),
            config=spec.config,
            results=self._experiment.folder,
            plugins=loaded_plugins(),
            callbacks=self._callbacks,
            cores=slot.cores,
            visible_devices=slot.visible_devices,
            concurrency=self._concurrency,
            replaces=self._experiment.attempt(spec.run_id),
        )
        if self._launcher is None:
            self._launcher = Launcher(str(spec.config["device"]))
        self._progress.start(spec, int(spec.config["train"]["steps"]))
        try:
            self._under_way[spec.run_id] = (spec, slot, self._launcher.start(order))
        except OSError as error:
            self._free.insert(0, slot)
            self._ended(spec, write_failure(order, f"cannot start a process: {error}"))

    def _poll(self) -> None:
        for run_id, (spec, slot, job) in list(self._under_way.items()):
            outcome = job.poll(partial(self._progress.report, run_id))
            if outcome is not None:
                del self._under_way[run_id]
                self._free.insert(0, slot)
                self._ended(spec, outcome)

    def _ended(self, spec: RunSpec, outcome: Outcome) -> None:
        if outcome.row is None:  # somebody else has it: come back to it
            self._progress.drop(spec)
            self._waiting.append(spec)
            return
        if not outcome.kept:
            self.result.unkept.append(f"{spec.run_id}: {outcome.reason}")
        self._finish(spec, outcome.row, kept=False)

    def _finish(self, spec: RunSpec, row: Mapping[str, object], *, kept: bool) -> None:
        self.result.failed += row["status"] != COMPLETED
        self._progress.finish(spec, row, kept=kept)
