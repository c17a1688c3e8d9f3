"""How many runs execute at a time, and the noise floor under just these conditions.

Without a number of the user, a grid on a CPU takes all cores if that makes a training step longer
by less than the noise floor: then the runs are as comparable as those of one at a time.
"""

from __future__ import annotations

import math
import platform
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass

import psutil

from bench.errors import UserError
from bench.execution.noise_floor import NoiseFloor, measure_noise_floor
from bench.execution.penalty import Penalty, measure_penalty, percent
from bench.execution.slots import Slot, slots_for, usable_cores
from bench.experiment.folder import EXPERIMENT_FILE, note_in_experiment
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment
from bench.machine.health import available_cores
from bench.records import read_experiment

USUAL_SIZE, SMALLEST_SIZE = 32, 16
MOST_PENALTY = 0.25  # beyond it runs share a core, whatever the noise floor is
RUNS_PER_SLOT = 2  # with fewer to make, measuring would take longer than it saves
RUN_MEMORY, RUN_MEMORY_SIZE = 2 * 2**30, 256  # bytes that a run may need, up to this many pixels


@dataclass(frozen=True)
class Conditions:
    """The runs of a grid: what they have in common, their sizes (pixels), and how many are due."""

    device: str
    num_threads: int
    smallest: int
    largest: int
    due: float = math.inf

    @classmethod
    def of(cls, specs: Sequence[RunSpec], due: int) -> Conditions:
        """Those of the runs of a grid."""
        config = specs[0].config
        problems = (spec.config["problem"] for spec in specs)
        sizes = [int(each["parameters"].get("size", USUAL_SIZE)) for each in problems]
        smallest, largest = (max(size, SMALLEST_SIZE) for size in (min(sizes), max(sizes)))
        return cls(str(config["device"]), int(config["num_threads"]), smallest, largest, due)


def settle_conditions(
    experiment: Experiment, slots: Sequence[Slot] | None, pairs: int, due: int
) -> Sequence[Slot]:
    """The slots to execute `due` runs in; what is measured is printed and put on record.

    slots: None for as many as there may be. pairs: of the noise floor; with 0 nothing is measured,
    and one run at a time executes where `slots` does not say otherwise. An experiment that is
    continued on the same machine keeps its conditions.
    """
    conditions = Conditions.of(experiment.specs, due)
    if pairs == 0:
        return slots or [Slot()]
    if slots is None:
        slots = _noted_slots(experiment, conditions) or _free_choice(experiment, conditions, pairs)
    elif len(slots) > 1 and conditions.device == "cpu":
        _note_company(experiment, slots, conditions)
    _note_floor(experiment, slots, pairs, conditions)
    return slots


def _free_choice(experiment: Experiment, conditions: Conditions, pairs: int) -> Sequence[Slot]:
    """As many slots as cost less than the noise floor in them: all cores, half of them, or one."""
    for count in counts_to_try(conditions):
        slots = slots_for("cpu", count, conditions.num_threads)
        if (penalty := _penalty(slots, conditions)) is None:
            break
        limit = MOST_PENALTY
        if penalty.relative <= limit:
            if (floor := _floor(slots, pairs, conditions)) is None:
                break
            limit = floor.relative
            if penalty.relative <= limit:
                note_in_experiment(experiment.folder, "noise_floor", floor.as_mapping())
                _say(f"{count} runs execute at a time: {_below(penalty, limit)}")
                _note_choice(experiment, count, penalty, limit)
                return slots
        _say(f"not {count} runs at a time: {_below(penalty, limit)}")
        _note_choice(experiment, 1, penalty, limit)
    return [Slot()]


def _below(penalty: Penalty, limit: float) -> str:
    side = "below" if penalty.relative <= limit else "above"
    return f"their penalty of {percent(penalty.relative)} is {side} {percent(limit)}"


def _note_company(experiment: Experiment, slots: Sequence[Slot], conditions: Conditions) -> None:
    """Put the penalty of the user's number of runs at a time on record; it decides nothing."""
    if _noted(experiment, "concurrency").get("at_a_time") == len(slots):
        return
    if penalty := _penalty(slots, conditions):
        _note_choice(experiment, len(slots), penalty)


def counts_to_try(conditions: Conditions) -> list[int]:
    """The numbers of runs at a time to try, the largest first: each is half of the one before.

    None where the runs are on a GPU, are few, or where there is one core.
    """
    if conditions.device != "cpu":
        return []
    try:
        cores = min(len(usable_cores()), math.floor(available_cores()))
    except UserError:  # a system that cannot bind processes to cores
        return []
    count = min(
        cores // conditions.num_threads,
        psutil.virtual_memory().available // _memory_of_a_run(conditions.largest),
    )
    count = int(min(count, conditions.due // RUNS_PER_SLOT))
    counts = []
    while count > 1:
        counts.append(count)
        count //= 2
    return counts


def _memory_of_a_run(size: int) -> int:
    return math.ceil(RUN_MEMORY * max(1.0, (size / RUN_MEMORY_SIZE) ** 2))


def _penalty(slots: Sequence[Slot], conditions: Conditions) -> Penalty | None:
    _say(f"penalty of {len(slots)} runs at a time: alternating rounds of training steps …")
    try:
        penalty = measure_penalty(slots, conditions.num_threads, conditions.largest)
    except UserError as error:
        _say(f"bench run: warning: cannot measure the penalty of runs at a time: {error}")
        return None
    _say(str(penalty))
    return penalty


def _floor(slots: Sequence[Slot], pairs: int, conditions: Conditions) -> NoiseFloor | None:
    """The floor; None, and a warning, without one: an experiment is still good."""
    company = f", {len(slots)} at a time" if len(slots) > 1 else ""
    _say(f"quick estimate of the noise floor: {pairs} pairs of runs{company} …")
    device, threads = conditions.device, conditions.num_threads
    try:
        floor = measure_noise_floor(device, threads, conditions.smallest, pairs, slots)
    except UserError as error:
        _say(f"bench run: warning: cannot measure the noise floor: {error}")
        return None
    _say(
        f"noise floor (quick estimate): training times of two runs that differ by less than "
        f"{percent(floor.relative)} are indistinguishable"
    )
    return floor


def _note_floor(
    experiment: Experiment, slots: Sequence[Slot], pairs: int, conditions: Conditions
) -> None:
    """Measure the floor unless that of as many runs at a time is known already."""
    noted = _noted(experiment, "noise_floor")
    if noted and noted.get("at_a_time", 1) == len(slots):
        return
    if floor := _floor(slots, pairs, conditions):
        note_in_experiment(experiment.folder, "noise_floor", floor.as_mapping())


def _note_choice(
    experiment: Experiment, at_a_time: int, penalty: Penalty, limit: float | None = None
) -> None:
    """Put on record how many runs execute at a time; without a limit the user has decided it."""
    entry = {"at_a_time": at_a_time, "limit": limit, "penalty": penalty.as_mapping(), **_place()}
    note_in_experiment(experiment.folder, "concurrency", entry)


def _noted_slots(experiment: Experiment, conditions: Conditions) -> Sequence[Slot] | None:
    """The slots of an experiment that was begun on this machine, as far as there still are so many.

    An experiment that was begun without a choice goes on as its noise floor was measured.
    """
    noted = _noted(experiment, "concurrency")
    if noted and any(noted.get(name) != value for name, value in _place().items()):
        return None
    noted = noted or _noted(experiment, "noise_floor")
    count = noted.get("at_a_time", 1)
    if not noted or not isinstance(count, int) or count < 1 or conditions.device != "cpu":
        return None
    with suppress(UserError):  # other cores, another system
        return slots_for("cpu", count, conditions.num_threads)
    return None


def _place() -> dict[str, object]:
    return {"host": platform.node(), "cores": available_cores()}


def _noted(experiment: Experiment, name: str) -> dict[str, object]:
    entry = read_experiment(experiment.folder / EXPERIMENT_FILE).get(name)
    return entry if isinstance(entry, dict) else {}


def _say(text: str) -> None:
    print(text, file=sys.stderr)
