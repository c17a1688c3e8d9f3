"""The runner: every run of a grid that is not done yet, in as many slots as there are."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from multiprocessing.connection import wait
from pathlib import Path

from bench.execution.launcher import Launcher, Started
from bench.execution.progress import GridProgress
from bench.execution.slots import Slot
from bench.execution.supervisor import Job, Outcome, write_failure
from bench.experiment.claims import Claims
from bench.experiment.grid import RunSpec
from bench.experiment.state import ENDED, RunState, State, state_of
from bench.records import COMPLETED
from bench.registry import loaded_plugins

POLL_SECONDS = 0.5


@dataclass
class GridOutcome:
    """How many runs of the grid failed, and what could not be written down."""

    failed: int = 0
    unkept: list[str] = field(default_factory=list)


def run_grid(
    states: Sequence[RunState],
    results: Path,
    slots: Sequence[Slot] = (Slot(),),
    retry: Collection[State] = (),
) -> GridOutcome:
    """Make every run that is due; those that others are making are waited for.

    A run that fails, is killed or takes too long becomes a record that says so, and the next one is
    made. Interrupted, it ends what it has begun, which then leaves no record.
    """
    with GridProgress(len(states)) as progress:
        grid = _Grid(results, slots, retry, progress)
        try:
            grid.make(states)
        finally:
            grid.give_up()
            Claims(results).clear_away()
    return grid.outcome


class _Grid:
    """A grid as it is being made."""

    def __init__(
        self,
        results: Path,
        slots: Sequence[Slot],
        retry: Collection[State],
        progress: GridProgress,
    ) -> None:
        self._results, self._retry, self._progress = results, retry, progress
        self._free, self._concurrency = list(slots), len(slots)
        self._under_way: dict[str, tuple[RunState, Slot, Started]] = {}
        self._launcher: Launcher | None = None
        self.outcome = GridOutcome()

    def make(self, states: Sequence[RunState]) -> None:
        """Make those that are due, in their order."""
        waiting: deque[RunState] = deque()
        for state in states:
            if state.is_due(self._retry):
                waiting.append(state)
            else:
                self._finish(state.spec, state.row or {}, kept=True)
        while waiting or self._under_way:
            self._fill_slots(waiting)
            if self._under_way:
                signs = [sign for *_, run in self._under_way.values() for sign in run.signs]
                wait(signs, POLL_SECONDS if self._free and waiting else None)
                self._listen(waiting)
            elif waiting:
                self._progress.wait_for(len(waiting))
                time.sleep(POLL_SECONDS)

    def give_up(self) -> None:
        """End whatever is under way."""
        for _, _, started in self._under_way.values():
            started.give_up()

    def _fill_slots(self, waiting: deque[RunState]) -> None:
        """Start runs while there is room; what others make meanwhile is theirs."""
        for _ in range(len(waiting)):
            if not self._free:
                return
            planned = waiting.popleft()
            now = state_of(planned.spec, self._results)
            made_meanwhile = now.attempt != planned.attempt
            if now.state is State.RUNNING:
                waiting.append(planned)
            elif now.state in ENDED and (made_meanwhile or not now.is_due(self._retry)):
                self._finish(now.spec, now.row or {}, kept=True)
            else:
                self._start(now, self._free.pop(0), waiting)

    def _start(self, state: RunState, slot: Slot, waiting: deque[RunState]) -> None:
        spec = state.spec
        job = Job(
            row=state.identity,
            config=spec.config,
            results=self._results,
            plugins=loaded_plugins(),
            cores=slot.cores,
            visible_devices=slot.visible_devices,
            concurrency=self._concurrency,
            replaces=state.attempt,
        )
        if self._launcher is None:
            self._launcher = Launcher(str(spec.config["device"]))
        self._progress.start(spec, int(spec.config["train"]["steps"]))
        try:
            self._under_way[spec.run_id] = (state, slot, self._launcher.start(job))
        except OSError as error:
            self._free.insert(0, slot)
            outcome = write_failure(job, f"no process could be started: {error}")
            self._ended(state, outcome, waiting)

    def _listen(self, waiting: deque[RunState]) -> None:
        for run_id, (state, slot, started) in list(self._under_way.items()):
            outcome = started.listen(partial(self._progress.report, run_id))
            if outcome is not None:
                del self._under_way[run_id]
                self._free.insert(0, slot)
                self._ended(state, outcome, waiting)

    def _ended(self, state: RunState, outcome: Outcome, waiting: deque[RunState]) -> None:
        if outcome.row is None:  # somebody else has it: come back to it
            self._progress.drop(state.spec)
            waiting.append(state)
            return
        if not outcome.kept:
            self.outcome.unkept.append(f"{state.spec.run_id}: {outcome.reason}")
        self._finish(state.spec, outcome.row, kept=False)

    def _finish(self, spec: RunSpec, row: Mapping[str, object], *, kept: bool) -> None:
        self.outcome.failed += row["status"] != COMPLETED
        self._progress.finish(spec, row, kept=kept)
