from __future__ import annotations

import math
import time
from pathlib import Path

import pytest

from bench.machine.health import (
    OK,
    UNKNOWN,
    WARNING,
    ClockWatch,
    Readings,
    available_cores,
    findings,
    read_machine,
)

GOOD = {
    "cores": 4.0,
    "num_threads": 2,
    "load_average": 0.1,
    "busy_cores": 0.05,
    "memory_available": 8 * 2**30,
    "memory_total": 16 * 2**30,
    "swap_used": 0,
    "clock": 3000.0,
    "clock_most": 3200.0,
    "governor": "performance",
    "temperature": 50.0,
    "critical": 100.0,
    "on_battery": False,
    "clock_jump": 0.0,
}


def levels(**changes: object) -> dict[str, str]:
    given = findings(Readings(**{**GOOD, **changes}))  # type: ignore[arg-type]
    return {each.subject: each.level for each in given}


def test_a_quiet_machine_is_healthy() -> None:
    assert set(levels().values()) == {OK}


@pytest.mark.parametrize(
    ("subject", "changes"),
    [
        ("other processes", {"busy_cores": 0.9, "busiest": "cc1"}),
        ("load average", {"load_average": 4.1}),
        ("threads", {"num_threads": 5}),
        ("threads", {"cores": 1.5}),
        ("threads", {"thread_variables": (("MKL_NUM_THREADS", "5"),)}),
        ("threads", {"thread_variables": (("OMP_NUM_THREADS", "64"),)}),
        ("memory", {"memory_available": 2**30}),
        ("memory", {"memory_available": 3 * 2**30, "memory_total": 64 * 2**30}),
        ("clock", {"clock": 1200.0}),
        ("clock", {"governor": "powersave"}),
        ("temperature", {"temperature": 95.0}),
        ("power", {"on_battery": True}),
        ("wall clock", {"clock_jump": -3.0}),
    ],
)
def test_what_disturbs_a_measurement_is_a_warning(subject: str, changes: dict[str, object]) -> None:
    found = levels(**changes)
    assert found.pop(subject) == WARNING
    assert set(found.values()) == {OK}


def test_what_cannot_be_read_is_said() -> None:
    given = findings(Readings())
    assert {each.level for each in given} == {UNKNOWN}
    assert all(each.read == "cannot be read on this machine" for each in given)


@pytest.mark.parametrize("value", [math.nan, math.inf, 0.0, -1.0])
def test_absurd_readings_are_no_warning_and_no_error(value: float) -> None:
    odd = dict.fromkeys(("cores", "load_average", "clock_most", "temperature", "critical"), value)
    assert WARNING not in levels(**{**odd, "busy_cores": 0.0}).values()
    assert levels(thread_variables=(("OMP_NUM_THREADS", "many"),))["threads"] == OK


def test_the_busiest_process_and_the_advice_are_named() -> None:
    given = findings(Readings(**{**GOOD, "busy_cores": 1.0, "busiest": "cc1"}))  # type: ignore[arg-type]
    assert "cc1" in given[0].read
    assert given[0].advice


def test_this_machine_can_be_read() -> None:
    readings = read_machine(num_threads=1)
    assert readings.memory_total is not None
    assert readings.memory_total >= (readings.memory_available or 0) > 0
    assert readings.cores == available_cores() > 0
    assert readings.busy_cores is not None
    assert readings.busy_cores >= 0


@pytest.mark.parametrize(
    ("files", "expected"),
    [
        ({"cpu.max": "50000 100000"}, 0.5),
        ({"cpu.max": "max 100000"}, None),
        ({"cpu/cpu.cfs_quota_us": "25000", "cpu/cpu.cfs_period_us": "100000"}, 0.25),
        ({"cpu/cpu.cfs_quota_us": "-1", "cpu/cpu.cfs_period_us": "100000"}, None),
        ({"cpu.max": "1000 0"}, None),
        ({}, None),
    ],
)
def test_a_quota_of_the_control_group_limits_the_cores(
    files: dict[str, str], expected: float | None, tmp_path: Path
) -> None:
    unlimited = available_cores(tmp_path)
    (tmp_path / "cpu").mkdir()
    for name, text in files.items():
        (tmp_path / name).write_text(text + "\n")
    assert available_cores(tmp_path) == (unlimited if expected is None else expected)


def test_a_wall_clock_that_is_put_back_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    watch, now = ClockWatch(), time.time
    assert abs(watch.gained()) < 1
    monkeypatch.setattr(time, "time", lambda: now() - 3600)
    assert watch.gained() == pytest.approx(-3600, abs=1)
