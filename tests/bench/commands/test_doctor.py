from __future__ import annotations

import pytest

from bench.cli import run_command_line
from bench.commands.actions import doctor
from bench.errors import UserError
from bench.execution.noise_floor import NoiseFloor, floor_of
from bench.machine import health
from bench.machine.health import Readings


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    calls: list[tuple[object, ...]] = []

    def measure(*arguments: object) -> NoiseFloor:
        calls.append(arguments)
        return floor_of([(1.1, 1.0), (1.0, 1.0)], "cpu", 1)

    monkeypatch.setattr(doctor, "measure_noise_floor", measure)
    return calls


def test_floor_is_said_in_a_sentence_and_a_warning_is_status_1(
    measured: list[tuple[object, ...]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings(busy_cores=0.0))
    assert run_command_line(["doctor", "--device", "cpu", "--pairs", "4"]) == 0
    said = capsys.readouterr().out
    assert "less than 13.2 % in 95 of 100 cases" in said
    assert "torch" in said
    assert measured == [("cpu", 1, 32, 4)]
    monkeypatch.setattr(doctor, "read_machine", lambda threads: Readings(busy_cores=3.0))
    assert run_command_line(["doctor", "--device", "cpu"]) == 1
    assert "warning  other processes" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--pairs", "1"], "--pairs 1: must be at least 2"),
        (["--pairs", "x"], "invalid int"),
        (["--size", "3"], "--size 3: must be at least 16"),
        (["--size", "9999"], "from 16 to 512"),
        (["--threads", "0"], "--threads 0: must be at least 1"),
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
