"""The noise floor of a machine: how far the times of two executions of the same run differ."""

from __future__ import annotations

import math
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from bench.errors import UserError
from bench.execution.launcher import Launcher
from bench.execution.order import Order
from bench.experiment.files import RUNS
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.experiment.progress import ProgressDisplay
from bench.experiment.spec import RunSpec
from bench.records import COMPLETED

TWO_SIDED_95 = 1.96  # standard deviations of a normal distribution that hold 95 %
STEPS = 25
FEWEST_PAIRS = 2
# A JFB training and nothing else: what is not timed would only make the measurement longer.
SETTINGS = (
    f"train.steps={STEPS}",
    f"train.evaluate_every={STEPS}",
    "train.crops=32",
    "evaluate.images=1",
    "evaluate.samples=0",
    "memory_pass=false",
    "reconstruction_pass=false",
    "timeout_seconds=120",
)
Pair = tuple[float, float]


@dataclass(frozen=True)
class NoiseFloor:
    """95 % of the differences between two single executions of a run are below `relative`.

    pairs: how many were measured; seconds: the mean training time of one; drift: the last pair's
    time over the first's.
    """

    relative: float
    pairs: int
    seconds: float
    drift: float
    device: str
    num_threads: int
    measured_at: str

    def over_seeds(self, count: int) -> float:
        """The floor of a difference between means over `count` executions each."""
        return self.relative / math.sqrt(count)

    def as_mapping(self) -> dict[str, object]:
        """Plain values, for experiment.yaml."""
        return asdict(self)


def relative_floor(pairs: Sequence[Pair]) -> float:
    """1.96 times the root mean square of ln(a/b) over pairs of times (a, b) of equal work.

    The mean of ln(a/b) is known to be 0, so that nothing is subtracted from it. The order within a
    pair does not matter: what a drift adds between two neighbours stays in the floor.
    """
    squares = [math.log(a / b) ** 2 for a, b in pairs]
    return TWO_SIDED_95 * math.sqrt(sum(squares) / len(squares))


def floor_of(pairs: Sequence[Pair], device: str, num_threads: int) -> NoiseFloor:
    """The floor that pairs of times (seconds) show; raises ValueError without a pair."""
    if not pairs:
        raise ValueError("give at least one pair of times")
    return NoiseFloor(
        relative=relative_floor(pairs),
        pairs=len(pairs),
        seconds=sum(map(sum, pairs)) / (2 * len(pairs)),
        drift=sum(pairs[-1]) / sum(pairs[0]),
        device=device,
        num_threads=num_threads,
        measured_at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def measure_noise_floor(device: str, num_threads: int, size: int, pairs: int) -> NoiseFloor:
    """Make the same run 2 · `pairs` times, interleaved (A B B A A B …), after one that is dropped.

    device: a resolved name; size: of the images (pixels). The runs are made as those of a grid,
    each in a process of its own. Raises UserError if `pairs` is below 2, for settings that make no
    run, or if a run does not complete.
    """
    if pairs < FEWEST_PAIRS:
        raise UserError(f"the noise floor needs at least {FEWEST_PAIRS} pairs of runs, not {pairs}")
    spec = noise_run(device, num_threads, size)
    launcher = Launcher(device)
    try:
        with tempfile.TemporaryDirectory(prefix="implicit-bench-noise-") as folder:
            count, times = 2 * pairs + 1, []
            with ProgressDisplay(count, "noise floor") as progress:
                for _ in range(count):
                    times.append(_seconds(spec, launcher, Path(folder)))
                    progress.advance([f"noise-floor run: {times[-1]:.2f} s"])
    except OSError as error:
        raise UserError(f"the run that measures the noise floor failed: {error}") from error
    return floor_of(interleaved(times[1:]), device, num_threads)


def interleaved(times: Sequence[float]) -> list[Pair]:
    """Consecutive times as pairs (a, b), in the order a b b a a b.

    A linear drift cancels in the mean of a - b.
    """
    pairs = list(zip(times[::2], times[1::2], strict=True))
    return [pair if turn % 2 == 0 else (pair[1], pair[0]) for turn, pair in enumerate(pairs)]


def noise_run(device: str, num_threads: int, size: int) -> RunSpec:
    """The run that is repeated; raises UserError for settings that it cannot have."""
    settings = (*SETTINGS, f"num_threads={num_threads}")
    request = GridRequest("jfb", sizes=str(size), seeds="1", device=device, overrides=settings)
    return build_grid(request)[0]


def _seconds(spec: RunSpec, launcher: Launcher, folder: Path) -> float:
    """The training time of one execution; UserError with the reason if there is none."""
    # The last one's record must not be taken for this one's.
    shutil.rmtree(folder / RUNS / spec.run_id, ignore_errors=True)
    outcome = launcher.run(Order(identity(spec), spec.config, folder), lambda step, psnr: None)
    if outcome.row is None or outcome.row["status"] != COMPLETED:
        reason = outcome.row["message"] if outcome.row else outcome.reason
        raise UserError(f"the run that measures the noise floor failed: {reason}")
    return float(str(outcome.row["train_seconds"]))
