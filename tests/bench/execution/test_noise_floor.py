"""The noise floor: its arithmetic, the runs that are made for it, and what a user sees of them."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.execution import noise_floor as noise
from bench.execution.noise_floor import (
    Execution,
    floor_of,
    interleaved,
    measure_noise_floor,
    relative_floor,
)
from bench.execution.order import Order, Outcome
from bench.execution.slots import Slot
from bench.plugins import load_all

TIMES = st.floats(min_value=1e-3, max_value=1e3)
PAIRS = st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=8)


def test_floor_by_hand() -> None:
    # ln 1.1 = 0.09531 and ln 1 = 0: rms = 0.09531 / sqrt(2) = 0.06739. Student's quantile with two
    # degrees of freedom is 4.3027: 0.28997.
    assert relative_floor([(1.1, 1.0), (2.0, 2.0)]) == pytest.approx(0.28997, abs=1e-4)
    assert relative_floor([(3.0, 3.0)]) == 0


def normal_pairs(generator: np.random.Generator, count: int) -> list[tuple[float, float]]:
    """Times of equal work, of which one execution differs from the next by 3 %."""
    return [(a, b) for a, b in np.exp(0.03 * generator.standard_normal((count, 2))).tolist()]


@pytest.mark.parametrize("pairs", [2, 3, 6])
def test_95_of_100_differences_are_below_the_floor_with_any_number_of_pairs(pairs: int) -> None:
    generator, trials = np.random.default_rng(pairs), 10_000
    below = below_normal = 0
    for _ in range(trials):
        measured = normal_pairs(generator, pairs)
        floor = relative_floor(measured)
        root_mean_square = math.sqrt(sum(math.log(a / b) ** 2 for a, b in measured) / pairs)
        ((a, b),) = normal_pairs(generator, 1)
        below += abs(math.log(a / b)) < floor
        below_normal += abs(math.log(a / b)) < 1.96 * root_mean_square
    assert 0.94 <= below / trials <= 0.96
    assert below_normal / trials < 0.92  # the normal quantile takes the estimate for the truth


@given(PAIRS)
def test_floor_does_not_depend_on_order_direction_or_units(
    pairs: list[tuple[float, float]],
) -> None:
    expected = relative_floor(pairs)
    assert relative_floor(pairs[::-1]) == pytest.approx(expected)
    assert relative_floor([(b, a) for a, b in pairs]) == pytest.approx(expected)
    assert relative_floor([(60 * a, 60 * b) for a, b in pairs]) == pytest.approx(expected, abs=1e-9)


def test_interleaving_lets_a_linear_drift_cancel() -> None:
    pairs = interleaved([1.0, 2.0, 3.0, 4.0])
    assert pairs == [(1.0, 2.0), (4.0, 3.0)]  # a b b a
    assert sum(a for a, _ in pairs) == sum(b for _, b in pairs)


def executions(*steps: float) -> list[Execution]:
    """Executions whose images and calibrations take the same time each."""
    return [Execution(step, 0.02, 0.01, 0.01, "0123456789ab") for step in steps]


def test_the_floor_tells_what_it_is_of_and_the_drift() -> None:
    floor = floor_of(executions(1.0, 1.0, 1.0, 1.2), "cpu", 1)
    assert floor.seconds == pytest.approx(1.05)
    assert floor.drift == pytest.approx(1.1)
    mapping = floor.as_mapping()
    assert mapping["kind"] == "quick estimate"
    assert mapping["fingerprint"] == "0123456789ab"
    assert mapping["measures"] == {"step": floor.relative, "image": 0, "calibration": 0}
    assert (mapping["pairs"], mapping["device"], mapping["num_threads"]) == (2, "cpu", 1)
    with pytest.raises(ValueError, match="at least one pair"):
        floor_of([], "cpu", 1)


def test_each_measure_has_a_floor_of_its_own() -> None:
    made = [
        Execution(1.0, 0.02, 0.010, 0.011),
        Execution(1.1, 0.03, 0.012, 0.014),
    ]
    measures = floor_of(made, "cpu", 1).measures
    assert measures["step"] == relative_floor([(1.0, 1.1)])
    assert measures["image"] == relative_floor([(0.02, 0.03)])
    # Each calibration before with that after the other execution.
    assert measures["calibration"] == relative_floor([(0.010, 0.014), (0.011, 0.012)])


@pytest.mark.parametrize(
    ("steps", "drifts"),
    [((1.0, 1.01, 1.02, 1.01), False), ((1.0, 1.01, 1.21, 1.2), True), ((1.2, 1.21, 1, 1), True)],
)
def test_a_drift_beyond_the_floor_is_one(steps: Sequence[float], drifts: bool) -> None:
    assert floor_of(executions(*steps), "cpu", 1).drifts is drifts


@pytest.mark.parametrize("pairs", [-1, 0, 1])
def test_one_pair_is_not_enough(pairs: int) -> None:
    with pytest.raises(UserError, match="at least 2"):
        measure_noise_floor("cpu", 1, 16, pairs)


def test_real_runs_are_made_and_leave_nothing(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    load_all([])
    monkeypatch.setattr(noise.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(noise, "SETTINGS", ("train.steps=2", "train.crops=8", *noise.SETTINGS[2:]))
    made: list[Execution] = []
    execution_of = noise._execution_of

    def counting(outcome: Outcome) -> Execution:
        made.append(execution_of(outcome))
        return made[-1]

    monkeypatch.setattr(noise, "_execution_of", counting)
    floor = measure_noise_floor("cpu", 1, 16, 2)
    assert len(made) == 5  # the first is dropped
    assert floor.pairs == 2
    assert floor.relative == floor.measures["step"]
    assert floor.measures == floor_of(made[1:], "cpu", 1).measures
    assert all(0 < each < math.inf for each in floor.measures.values())
    assert len(floor.fingerprint) == 12
    assert {each.fingerprint for each in made} == {floor.fingerprint}
    assert floor.seconds == pytest.approx(sum(each.step for each in made[1:]) / 4)
    assert not list(tmp_path.glob("implicit-bench-*"))


class StubJob:
    """Has ended with the given outcome."""

    def __init__(self, launcher: StubLauncher, outcome: Outcome) -> None:
        self.launcher, self.outcome = launcher, outcome
        receiver, self.sender = multiprocessing.Pipe(duplex=False)
        self.sender.send("ended")
        self.waitables = [receiver]

    def poll(self, report: object) -> Outcome:
        self.launcher.under_way -= 1
        return self.outcome

    def cancel(self) -> None:
        self.launcher.under_way -= 1
        self.launcher.cancelled += 1


class StubLauncher:
    """Starts jobs that have the given outcomes, one after the other."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes, self.orders = list(outcomes), list[Order]()
        self.under_way = self.most_under_way = self.cancelled = 0

    def start(self, order: Order) -> StubJob:
        assert order.config["timeout_seconds"] == 120
        assert order.config["evaluate"]["validation_images"] == 16  # a whole batch is timed
        self.orders.append(order)
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        return StubJob(self, self.outcomes.pop(0))


def completed(seconds: float = 1.0) -> Outcome:
    times = {"train_seconds": seconds, "reconstruct_seconds_per_image": 0.01}
    calibrations = dict.fromkeys(("calibration_before", "calibration_after"), 0.01)
    known = {"status": "completed", "message": "", "fingerprint": "0123456789ab"}
    return Outcome({**known, **times, **calibrations})


def test_each_execution_is_a_line_where_there_is_no_terminal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load_all([])
    times = (9.0, 1.25, 1.5, 1.0, 2.0)
    launcher = StubLauncher(*map(completed, times))
    monkeypatch.setattr(noise, "Launcher", lambda device: launcher)
    floor = measure_noise_floor("cpu", 1, 16, 2)
    assert floor.seconds == pytest.approx(sum(times[1:]) / 4)  # the first is dropped, and shown
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        f"[{number}/5] noise-floor run: {seconds:.2f} s" for number, seconds in enumerate(times, 1)
    ]


def test_executions_before_one_that_fails_are_shown(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    load_all([])
    launcher = StubLauncher(completed(), Outcome(None, "it was given up"))
    monkeypatch.setattr(noise, "Launcher", lambda device: launcher)
    with pytest.raises(UserError, match="given up"):
        measure_noise_floor("cpu", 1, 16, 2)
    assert capsys.readouterr().err == "[1/5] noise-floor run: 1.00 s\n"


def test_with_two_slots_two_runs_execute_until_the_last_has_ended(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    load_all([])
    times = (9.0, 8.0, 1.25, 1.5, 1.0, 2.0, 7.0, 7.0)
    launcher = StubLauncher(*map(completed, times))
    monkeypatch.setattr(noise, "Launcher", lambda device: launcher)
    floor = measure_noise_floor("cpu", 1, 16, 2, [Slot((0,)), Slot((1,))])
    assert floor.seconds == pytest.approx(sum(times[2:6]) / 4)  # the first of each slot is dropped
    assert floor.as_mapping()["at_a_time"] == 2
    assert launcher.most_under_way == 2
    assert {(order.cores, order.results.name) for order in launcher.orders} == {
        ((0,), "0"),
        ((1,), "1"),
    }
    assert {order.concurrency for order in launcher.orders} == {2}
    assert launcher.under_way == 0  # nothing is left running


def test_an_interrupt_ends_the_executions_under_way(monkeypatch: pytest.MonkeyPatch) -> None:
    load_all([])
    launcher = StubLauncher(*[completed()] * 9)
    monkeypatch.setattr(noise, "Launcher", lambda device: launcher)

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(StubJob, "poll", interrupt)
    with pytest.raises(KeyboardInterrupt):
        measure_noise_floor("cpu", 1, 16, 2, [Slot((0,)), Slot((1,))])
    assert launcher.cancelled == 2


@pytest.mark.parametrize(
    ("last", "message"),
    [
        (Outcome({"status": "error", "message": "ended by SIGKILL"}), "failed: ended by SIGKILL"),
        (Outcome(None, "it was cancelled"), "failed: it was cancelled"),
    ],
)
def test_a_run_that_fails_is_a_user_error(
    last: Outcome, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    load_all([])
    launcher = StubLauncher(*[completed()] * 4, last)
    monkeypatch.setattr(noise, "Launcher", lambda device: launcher)
    with pytest.raises(UserError, match=message):
        measure_noise_floor("cpu", 1, 16, 2)


def test_a_disk_that_cannot_be_written_is_a_user_error(monkeypatch: pytest.MonkeyPatch) -> None:
    load_all([])
    monkeypatch.setattr(noise.tempfile, "tempdir", "/nowhere/to/be/found")
    with pytest.raises(UserError, match="measures the noise floor failed"):
        measure_noise_floor("cpu", 1, 16, 2)
