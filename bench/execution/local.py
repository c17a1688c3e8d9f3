"""Makes an experiment on this machine: its health, its noise floor, the grid and its repeats."""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

from bench.errors import UserError, counted
from bench.execution.grid_runner import GridResult, run_grid
from bench.execution.noise_floor import measure_noise_floor
from bench.execution.slots import Slot
from bench.experiment.folder import EXPERIMENT_FILE, note_in_experiment
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment, RunState
from bench.machine.health import WARNING, findings, read_machine
from bench.records import read_experiment

USUAL_SIZE, SMALLEST_SIZE = 32, 16


class Interrupted(KeyboardInterrupt):
    """The command was interrupted, or asked to end; `status` is its exit status."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.status = 128 + number


def run_locally(
    experiment: Experiment,
    slots: Sequence[Slot],
    retry: Collection[RunState],
    noise_pairs: int,
    repeats: tuple[Experiment, Experiment] | None = None,
) -> GridResult:
    """Make the runs that are due; may raise Interrupted, when all that was begun has been ended.

    repeats: those to make before the grid, and those after it.
    """
    before, after = repeats or (None, None)
    parts = [part for part in (before, experiment, after) if part]
    due = [spec for part in parts for spec in part.specs if part.is_due(spec.run_id, retry)]
    with _terminable():
        if due:
            _warn_of_the_machine(due[0])
            _note_noise_floor(experiment, noise_pairs)
        made = []
        for part in parts:
            if part is not experiment:
                what = f"{counted(len(part.specs), 'repeat')} of {part.specs[0].title}"
                print(f"{what} {'before' if part is before else 'after'} the grid", file=sys.stderr)
            made.append(run_grid(part, slots, retry))
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


def _note_noise_floor(experiment: Experiment, pairs: int) -> None:
    """Measure the floor unless it is known already; an experiment without one is still good."""
    folder, config = experiment.folder, experiment.specs[0].config
    if pairs == 0 or "noise_floor" in read_experiment(folder / EXPERIMENT_FILE):
        return
    print(f"quick estimate of the noise floor: {pairs} pairs of runs …", file=sys.stderr)
    try:
        floor = measure_noise_floor(
            str(config["device"]), int(config["num_threads"]), _smallest_size(experiment), pairs
        )
    except UserError as error:
        print(f"bench run: warning: cannot measure the noise floor: {error}", file=sys.stderr)
        return
    percent = f"{100 * floor.relative:.1f} %"
    print(
        f"noise floor (quick estimate): training times of two runs that differ by less than "
        f"{percent} are indistinguishable",
        file=sys.stderr,
    )
    note_in_experiment(folder, "noise_floor", floor.as_mapping())


def _smallest_size(experiment: Experiment) -> int:
    problems = (spec.config["problem"] for spec in experiment.specs)
    sizes = [problem["parameters"].get("size", USUAL_SIZE) for problem in problems]
    return max(int(min(sizes)), SMALLEST_SIZE)
