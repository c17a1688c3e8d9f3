from __future__ import annotations

from collections.abc import Sequence

import pytest

from bench.cli import run_command_line
from bench.commands.actions import doctor
from bench.config.plain import from_plain
from bench.errors import UserError
from bench.execution.noise_floor import Execution, NoiseFloor, floor_of
from bench.execution.penalty import Penalty
from bench.execution.slots import Slot
from bench.machine import health
from bench.machine.health import Readings
from bench.measurement.run import measure
from tests.support.tiny_runs import grid


def floor_with(*steps: float) -> NoiseFloor:
    """The floor of executions with these training times, and equal times of all else."""
    return floor_of([Execution(step, 0.02, 0.01, 0.01) for step in steps], "cpu", 1)


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    calls: list[tuple[object, ...]] = []

    def measure(*arguments: object) -> NoiseFloor:
        calls.append(arguments)
        return floor_with(1.1, 1.0, 1.0, 1.0)

    monkeypatch.setattr(doctor, "measure_noise_floor", measure)
    monkeypatch.setattr(doctor, "counts_to_try", lambda conditions: [])
    return calls


def test_the_floor_of_each_measure_is_a_row_and_a_warning_is_status_1(
    measured: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings(busy_cores=0.0))
    assert run_command_line(["doctor", "--device", "cpu", "--pairs", "4"]) == 0
    said = capsys.readouterr().out
    rows = [" ".join(line.split()) for line in said.splitlines()]
    assert "noise floor (quick estimate): 95 % of differences between two executions are" in said
    assert "training time 29.0 % 16.7 %" in rows
    assert "time per image 0.0 % 0.0 %" in rows
    assert "calibration 0.0 % 0.0 %" in rows
    assert "drift within the noise floor: the last pair took 0.95 times as long" in said
    assert "torch" in said
    assert measured == [("cpu", 1, 32, 4)]
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings(busy_cores=3.0))
    assert run_command_line(["doctor", "--device", "cpu"]) == 1
    assert "warning  other processes" in capsys.readouterr().out


@pytest.mark.parametrize(("relative", "side"), [(0.04, "below"), (0.4, "above")])
def test_the_penalty_of_runs_on_all_cores_is_beside_the_floor(
    relative: float,
    side: str,
    measured: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    asked: list[object] = []

    def penalty(slots: Sequence[Slot], threads: int, size: int) -> Penalty:
        asked.extend((len(slots), threads, size))
        return Penalty(len(slots), relative, relative - 0.01, relative + 0.01, 16, size, threads)

    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings())
    monkeypatch.setattr(doctor, "counts_to_try", lambda conditions: [4, 2])
    monkeypatch.setattr(doctor, "slots_for", lambda device, jobs, threads: [Slot()] * jobs)
    monkeypatch.setattr(doctor, "measure_penalty", penalty)
    assert run_command_line(["doctor", "--device", "cpu", "--size", "64"]) == 0
    assert asked == [4, 1, 64]
    said = " ".join(capsys.readouterr().out.split())
    assert f"4 runs at a time change the time of a training step by {100 * relative:+.1f} %" in said
    assert f"by 16 alternating rounds at 64 pixels: {side} the noise floor of 29.0 %." in said


def test_a_penalty_that_cannot_be_measured_is_said(
    measured: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def fail(*_: object) -> Penalty:
        raise UserError("no such luck")

    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings())
    assert run_command_line(["doctor", "--device", "cpu"]) == 0
    assert "one run at a time: there are no cores, or no memory" in capsys.readouterr().out
    monkeypatch.setattr(doctor, "counts_to_try", lambda conditions: [2])
    monkeypatch.setattr(doctor, "slots_for", lambda device, jobs, threads: [Slot()] * jobs)
    monkeypatch.setattr(doctor, "measure_penalty", fail)
    assert run_command_line(["doctor", "--device", "cpu"]) == 1
    told = capsys.readouterr().err
    assert told == "bench doctor: warning: cannot measure the penalty of 2 runs: no such luck\n"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs", "1"], "--pairs 1: must be from 2 to 1000"),
        (["--pairs", "x"], "invalid int"),
        (["--size", "3"], "--size 3: must be from 16 to 512"),
        (["--size", "9999"], "from 16 to 512"),
        (["--threads", "0"], "--threads 0: must be from 1 to 1024"),
        (["--device", "cup"], "did you mean 'cpu'"),
        (["--sise", "3"], "did you mean '--size'"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run_command_line(["doctor", *arguments]) == 2
    printed = capsys.readouterr()
    (line,) = printed.err.splitlines()
    assert message in line
    assert not printed.out  # nothing is read or measured before the options are known to be good


def test_a_floor_that_cannot_be_measured_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> NoiseFloor:
        raise UserError("no such luck")

    monkeypatch.setattr(doctor, "measure_noise_floor", fail)
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings())
    assert run_command_line(["doctor", "--device", "cpu"]) == 1
    assert (
        capsys.readouterr().err
        == "bench doctor: warning: cannot measure the noise floor: no such luck\n"
    )


def test_a_clock_that_jumps_while_measuring_is_a_warning(
    measured: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings())
    monkeypatch.setattr(health.ClockWatch, "gained", lambda watch: 2.0)
    assert run_command_line(["doctor", "--device", "cpu"]) == 1
    assert "wall clock during the measurement: +2.000 s" in capsys.readouterr().out


def test_a_drift_beyond_the_floor_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings())
    monkeypatch.setattr(doctor, "measure_noise_floor", lambda *_: floor_with(1, 1.01, 1.21, 1.2))
    monkeypatch.setattr(doctor, "counts_to_try", lambda conditions: [])
    assert run_command_line(["doctor", "--device", "cpu"]) == 1
    said = capsys.readouterr().out
    assert "warning: drift beyond the noise floor: the last pair took 1.20" in said


def test_the_fingerprint_is_that_of_the_runs_and_its_parts_are_said(
    measured: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings())
    assert run_command_line(["doctor", "--device", "cpu"]) == 0
    said = capsys.readouterr().out
    (spec,) = grid("jfb")
    fingerprint = measure(from_plain(spec.config)).row["fingerprint"]
    rows = [line.split() for line in said.splitlines()]
    assert ["fingerprint", fingerprint] in rows
    assert {"blas", "capability", "probe", "family", "stepping"} <= {row[0] for row in rows if row}
    assert "flags" not in said  # a line of a thousand characters
