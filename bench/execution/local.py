"""Makes an experiment on this machine: its health, its noise floor, the grid and its repeats."""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from bench.errors import counted
from bench.execution.conditions import settle_conditions
from bench.execution.grid_runner import GridResult, run_grid
from bench.execution.slots import Slot
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment, RunState
from bench.machine.health import WARNING, findings, read_machine


class Interrupted(KeyboardInterrupt):
    """The command was interrupted, or asked to end; `status` is its exit status."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def run_locally(
    experiment: Experiment,
    slots: Sequence[Slot] | None,
    retry: Collection[RunState],
    noise_pairs: int,
    repeats: tuple[Experiment, Experiment] | None = None,
    callbacks: tuple[str, ...] = (),
) -> GridResult:
    """Make the runs that are due; may raise Interrupted, when all that was begun has been ended.

    slots: None for as many as the machine has without a penalty; repeats: those to make before the
    grid, and those after it; callbacks: those to tell of each run of the grid itself.
    """
    before, after = repeats or (None, None)
    parts = [part for part in (before, experiment, after) if part]
    due = [spec for part in parts for spec in part.specs if part.is_due(spec.run_id, retry)]
    with _terminable():
        if due:
            _warn_of_the_machine(due[0])
            slots = settle_conditions(experiment, slots, noise_pairs, len(due))
        made = []
        for part in parts:
            if part is not experiment:
                what = f"{counted(len(part.specs), 'repeat')} of {part.specs[0].title}"
                print(f"{what} {'before' if part is before else 'after'} the grid", file=sys.stderr)
            told = callbacks if part is experiment else ()
            made.append(run_grid(part, slots or [Slot()], retry, told))
    return GridResult(
        sum(each.failed for each in made), [message for each in made for message in each.unkept]
    )


@contextmanager
def _terminable() -> Iterator[None]:
    """Turn Ctrl-C, a request to end and a closed terminal into Interrupted."""

    def end(number: int, frame: FrameType | None) -> None:
        raise Interrupted(number)

    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = [signal.signal(number, end) for number in numbers]
    try:
        yield
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)


def _warn_of_the_machine(spec: RunSpec) -> None:
    for each in findings(read_machine(int(spec.config["num_threads"]))):
        if each.level == WARNING:
            print(
                f"bench run: warning: {each.subject}: {each.read}; {each.advice}", file=sys.stderr
            )
