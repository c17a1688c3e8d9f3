"""The noise floor: its arithmetic, the runs that are made for it, and what a user sees of them."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.errors import UserError
from bench.execution import noise_floor as noise
from bench.execution.noise_floor import floor_of, interleaved, measure_noise_floor, relative_floor
from bench.execution.order import Order, Outcome
from bench.plugins import load_all

TIMES = st.floats(min_value=1e-3, max_value=1e3)
PAIRS = st.lists(st.tuples(TIMES, TIMES), min_size=1, max_size=8)


def test_floor_by_hand() -> None:
    # ln 1.1 = 0.0953 and ln 1 = 0: rms = 0.0953 / sqrt(2) = 0.0674, times 1.96 = 0.1321.
    assert relative_floor([(1.1, 1.0), (2.0, 2.0)]) == pytest.approx(0.13209, abs=1e-4)
    assert relative_floor([(3.0, 3.0)]) == 0


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


def test_floor_of_means_and_drift() -> None:
    floor = floor_of([(1.0, 1.0), (1.2, 1.0)], "cpu", 1)
    assert floor.seconds == pytest.approx(1.05)
    assert floor.drift == pytest.approx(1.1)
    assert floor.over_seeds(4) == floor.relative / 2
    assert floor.as_mapping()["relative"] == floor.relative
    with pytest.raises(ValueError, match="at least one pair"):
        floor_of([], "cpu", 1)


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
    made: list[float] = []
    seconds = noise._seconds

    def counting(*arguments: object) -> float:
        made.append(seconds(*arguments))  # type: ignore[arg-type]
        return made[-1]

    monkeypatch.setattr(noise, "_seconds", counting)
    floor = measure_noise_floor("cpu", 1, 16, 2)
    assert len(made) == 5  # the first is dropped
    assert floor.pairs == 2
    assert floor.relative == relative_floor(interleaved(made[1:]))
    assert math.isfinite(floor.relative)
    assert floor.seconds == pytest.approx(sum(made[1:]) / 4)
    assert not list(tmp_path.glob("implicit-bench-*"))


class StubLauncher:
    """Has the given outcomes one after the other."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)

    def run(self, order: Order, report: object) -> Outcome:
        assert order.config["timeout_seconds"] == 120
        return self.outcomes.pop(0)


def completed(seconds: float = 1.0) -> Outcome:
    return Outcome({"status": "completed", "message": "", "train_seconds": seconds})


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
