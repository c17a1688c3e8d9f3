"""A quick estimate of a machine's noise floor: how far two executions of the same run differ.

It repeats a run of a second or so before a grid, and sees no drift over the hours of one: repeats
of a whole run (`bench.execution.repeats`) do.
"""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Generator, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from itertools import islice
from multiprocessing.connection import wait
from pathlib import Path
from typing import TypeVar

from bench.errors import UserError
from bench.execution.job import Job
from bench.execution.launcher import Launcher
from bench.execution.order import Order, Outcome
from bench.execution.slots import Slot
from bench.experiment.files import RUNS
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.experiment.progress import ProgressDisplay
from bench.experiment.spec import RunSpec
from bench.records import COMPLETED

KIND = "quick estimate"
COVERAGE = 0.95  # of the differences between two executions
STEPS = 25
FEWEST_PAIRS = 2
# A JFB training and nothing else: what is not timed would only make the measurement longer.
SETTINGS = (
    f"train.steps={STEPS}",
    f"train.evaluate_every={STEPS}",
    "train.crops=32",
    "evaluate.images=1",
    "evaluate.samples=0",
    "evaluate.pictures=0",
    "memory_pass=false",
    "reconstruction_pass=false",
    "timeout_seconds=120",
)
Pair = tuple[float, float]
T = TypeVar("T")


@dataclass(frozen=True)
class Execution:
    """The times (seconds) of one execution that a floor is for, and the machine's fingerprint.

    step: of training; image: of reconstructing one image; before, after: the calibrations.
    """

    step: float
    image: float
    before: float
    after: float
    fingerprint: str = ""

    @classmethod
    def of(cls, row: Mapping[str, object]) -> Execution:
        """What the record of a completed run says."""
        return cls(
            step=float(str(row["train_seconds"])),
            image=float(str(row["reconstruct_seconds_per_image"])),
            before=float(str(row["calibration_before"])),
            after=float(str(row["calibration_after"])),
            fingerprint=str(row["fingerprint"]),
        )


@dataclass(frozen=True)
class NoiseFloor:
    """95 % of the differences between two single executions of a run are below `relative`.

    pairs: how many were measured; seconds: the mean training time of one; drift: the last pair's
    time over the first's; measures: the floor of the training time (`step`, which is `relative`),
    of the time to reconstruct an image (`image`) and of a calibration (`calibration`); at_a_time:
    how many executed at the same time.
    """

    relative: float
    pairs: int
    seconds: float
    drift: float
    device: str
    num_threads: int
    measured_at: str
    kind: str = KIND
    measures: dict[str, float] = field(default_factory=dict)
    fingerprint: str = ""
    at_a_time: int = 1

    @property
    def drifts(self) -> bool:
        """Whether the last pair differs from the first by more than the floor."""
        return abs(math.log(self.drift)) > self.relative

    def as_mapping(self) -> dict[str, object]:
        """Plain values, for experiment.yaml."""
        return asdict(self)


def relative_floor(pairs: Sequence[Pair]) -> float:
    """Student's quantile times the root mean square of ln(a/b) over pairs of times of equal work.

    The difference between two further executions is below it in 95 % of cases, whatever the number
    of pairs, if the logarithms of the times are normal. The mean of ln(a/b) is known to be 0, so
    that nothing is subtracted from it, and there are as many degrees of freedom as pairs. The order
    within a pair does not matter: what a drift adds between two neighbours stays in the floor.
    """
    from scipy.special import stdtrit  # inverse of Student's distribution

    squares = [math.log(a / b) ** 2 for a, b in pairs]
    quantile = float(stdtrit(len(pairs), (1 + COVERAGE) / 2))
    return quantile * math.sqrt(sum(squares) / len(squares))


def floor_of(executions: Sequence[Execution], device: str, num_threads: int) -> NoiseFloor:
    """The floor that an even number of executions shows; ValueError without a pair."""
    pairs = interleaved(executions)
    if not pairs:
        raise ValueError("give at least one pair of executions")
    steps = [(a.step, b.step) for a, b in pairs]
    # A calibration before a run and one after another: the two that are compared may be so too.
    calibrations = [pair for a, b in pairs for pair in ((a.before, b.after), (a.after, b.before))]
    measures = {
        "step": relative_floor(steps),
        "image": relative_floor([(a.image, b.image) for a, b in pairs]),
        "calibration": relative_floor(calibrations),
    }
    return NoiseFloor(
        relative=measures["step"],
        pairs=len(pairs),
        seconds=sum(map(sum, steps)) / (2 * len(pairs)),
        drift=sum(steps[-1]) / sum(steps[0]),
        device=device,
        num_threads=num_threads,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
        measures=measures,
        fingerprint=executions[0].fingerprint,
    )


def measure_noise_floor(
    device: str, num_threads: int, size: int, pairs: int, slots: Sequence[Slot] = (Slot(),)
) -> NoiseFloor:
    """Make the same run 2 · `pairs` times, as pairs (A B, B A, A B, …), after one of each slot.

    The first of each slot is dropped. device: a resolved name; size: of the images (pixels). The
    runs are made as those of a grid in the same slots, each in a process of its own, and no slot is
    idle before the last of them has ended. Raises UserError if `pairs` is below 2, for settings
    that make no run, or if a run does not complete.
    """
    if pairs < FEWEST_PAIRS:
        raise UserError(f"the noise floor needs at least {FEWEST_PAIRS} pairs of runs, not {pairs}")
    spec = noise_run(device, num_threads, size)
    count, made = 2 * pairs + len(slots), list[Execution]()
    try:
        with (
            tempfile.TemporaryDirectory(prefix="implicit-bench-noise-") as folder,
            ProgressDisplay(count, "noise floor") as progress,
            closing(_executions(spec, Launcher(device), Path(folder), slots)) as executions,
        ):
            for execution in islice(executions, count):
                made.append(execution)
                progress.advance([f"noise-floor run: {execution.step:.2f} s"])
    except OSError as error:
        raise UserError(f"the run that measures the noise floor failed: {error}") from error
    floor = floor_of(made[len(slots) :], device, num_threads)
    return replace(floor, at_a_time=len(slots))


def interleaved(executions: Sequence[T]) -> list[tuple[T, T]]:
    """Consecutive executions as pairs (a, b), in the order a b b a a b.

    A linear drift cancels in the mean of a - b.
    """
    pairs = list(zip(executions[::2], executions[1::2], strict=True))
    return [pair if turn % 2 == 0 else (pair[1], pair[0]) for turn, pair in enumerate(pairs)]


def noise_run(device: str, num_threads: int, size: int) -> RunSpec:
    """The run that is repeated; raises UserError for settings that it cannot have."""
    settings = (*SETTINGS, f"num_threads={num_threads}")
    request = GridRequest("jfb", sizes=str(size), seeds="1", device=device, overrides=settings)
    return build_grid(request)[0]


def _executions(
    spec: RunSpec, launcher: Launcher, folder: Path, slots: Sequence[Slot]
) -> Generator[Execution]:
    """Endless executions in the order of their ends; closing it ends those under way."""
    under_way: dict[int, Job] = {}
    try:
        while True:
            for number, slot in enumerate(slots):
                if number not in under_way:
                    order = _order(spec, folder / str(number), slot, len(slots))
                    under_way[number] = launcher.start(order)
            wait([each for job in under_way.values() for each in job.waitables])
            for number, job in list(under_way.items()):
                if (outcome := job.poll(lambda step, psnr: None)) is not None:
                    del under_way[number]
                    yield _execution_of(outcome)
    finally:
        for job in under_way.values():
            job.cancel()


def _order(spec: RunSpec, results: Path, slot: Slot, at_a_time: int) -> Order:
    """The order of one execution, in a folder where the record of the last one is not."""
    shutil.rmtree(results / RUNS, ignore_errors=True)
    results.mkdir(exist_ok=True)
    return Order(
        identity(spec),
        spec.config,
        results,
        cores=slot.cores,
        visible_devices=slot.visible_devices,
        concurrency=at_a_time,
    )


def _execution_of(outcome: Outcome) -> Execution:
    """The times of one execution; UserError with the reason if it did not complete."""
    if outcome.row is None or outcome.row["status"] != COMPLETED:
        reason = outcome.row["message"] if outcome.row else outcome.reason
        raise UserError(f"the run that measures the noise floor failed: {reason}")
    return Execution.of(outcome.row)
