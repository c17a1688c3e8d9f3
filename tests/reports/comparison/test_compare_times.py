"""`bench compare` of times: their noise, and the machines that they were measured on."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path

import pytest

from bench.records import load_results
from reports.comparison.compare import common_noise
from reports.comparison.matching import match_runs
from reports.comparison.measures import TRAINING_STEP
from reports.data.dataset import Dataset
from tests.support.compared import (
    MACHINE,
    TIMES,
    Edit,
    Row,
    compare,
    folder,
    setting,
    slower_backward,
    times,
)


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return folder(tmp_path / "a")


def test_a_slowdown_within_the_noise_is_inconclusive(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def uneven(row: Row) -> None:
        factor = (0.8, 1.15, 1.6)[row["seed"]]
        row |= {name: row[name] * factor for name in TIMES if row.get(name) is not None}

    assert compare(base, folder(tmp_path / "b", uneven)) == 0
    printed = capsys.readouterr().out
    assert re.search(r"jfb: training step × 1\.14 \[0\.\d+, 1\.\d+\]: .* seeds", printed)
    assert "no regression\n5 inconclusive:" in printed


def test_one_pair_decides_nothing_about_times(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a, b = folder(tmp_path / "a", seeds=1), folder(tmp_path / "b", slower_backward, seeds=1)
    assert compare(a, b) == 0
    found = r"training step × 1\.30 \[1\.\d+, 1\.\d+\]: too few seeds"
    assert re.search(found, capsys.readouterr().out)


def test_a_machine_that_was_slower_is_no_regression(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def calibrated(seconds: float) -> Edit:
        return lambda row: setting(row, calibration_before=seconds, calibration_after=seconds)

    a = folder(tmp_path / "b", calibrated(0.010))
    b = folder(tmp_path / "c", times(1.3, *TIMES), calibrated(0.013))
    assert compare(a, b) == 0
    printed = capsys.readouterr().out
    assert "the machine was 30.0 % slower in B by its calibration" in printed
    assert "jfb: training step × 1.30 [0.98, 1.33]" in printed
    assert compare(a, folder(tmp_path / "d", times(1.3, *TIMES), calibrated(0.010))) == 1


@pytest.mark.parametrize(
    ("floor", "expected"),
    [
        ({"relative": 0.2, "pairs": 3, "device": "cpu", "num_threads": 1}, True),
        ({"relative": 0.2, "pairs": 3, "device": "cpu", "num_threads": 2}, False),
        ({"relative": 0.2, "pairs": 3, "device": "cuda", "num_threads": 1}, False),
        ({"relative": "much", "device": "cpu", "num_threads": 1}, False),
        ({"relative": 0.2, "pairs": 3, "device": ["cpu"], "num_threads": 1}, False),
        ("none", False),
    ],
)
def test_a_noise_floor_is_of_a_device_and_threads(
    base: Path, tmp_path: Path, floor: object, expected: bool
) -> None:
    other = folder(tmp_path / "b", experiment={"noise_floor": floor})
    a, b = (Dataset.of(load_results(each)) for each in (base, other))
    a = replace(a, floor=b.floor)
    found = common_noise(a, b, match_runs(a.runs, b.runs).pairs, TRAINING_STEP)
    assert found.known == expected


def test_without_a_noise_floor_the_pairs_alone_decide(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    a = folder(tmp_path / "a", experiment={"noise_floor": None})
    b = folder(tmp_path / "b", slower_backward, experiment={"noise_floor": None})
    assert compare(a, b) == 1
    assert "no noise floor was measured" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("machine", "edits", "reason"),
    [
        ({"cpu": "another one", "logical_cores": 2}, (), "another machine, cpu: a processor → an"),
        ({"cpu": "a processor", "logical_cores": 4}, (), "another machine, logical_cores: 2 → 4"),
        ({}, (), "the machine of B is unknown"),
        (MACHINE, (lambda row: setting(row, num_threads=2),), "another num_threads: 1 → 2"),
        (MACHINE, (lambda row: setting(row, device="cuda"),), "another device: cpu → cuda"),
    ],
)
def test_times_of_another_machine_are_not_compared(
    base: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    machine: Row,
    edits: tuple[Edit, ...],
    reason: str,
) -> None:
    slow = times(3.0, *TIMES)
    capsys.readouterr()
    other = folder(tmp_path / "b", slow, *edits, experiment={"machine": machine})
    assert compare(base, other) == 0
    printed = capsys.readouterr().out
    assert f"times are not compared: {reason}" in printed
    assert "B - A (dB)" in printed  # quality still is
    assert compare(base, other, "--times", "always") == 1
    printed = capsys.readouterr().out
    assert f"warning, times are not comparable: {reason}" in printed
    assert "training step × 3.00" in printed


def test_times_of_another_fingerprint_are_not_compared(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def on(fingerprint: str, stepping: str) -> Edit:
        identity = json.dumps({"processor": "a processor", "stepping": stepping})
        return lambda row: setting(row, fingerprint=fingerprint, machine_identity=identity)

    one, other = folder(tmp_path / "b", on("aa", "1")), folder(tmp_path / "c", on("bb", "0"))
    assert compare(one, other) == 0
    expected = "times are not compared: another machine, stepping: 1 → 0"
    assert expected in capsys.readouterr().out
    unstated = folder(tmp_path / "d", lambda row: setting(row, fingerprint=""))
    for same in (one, unstated):
        assert compare(one, same) == 0
        assert "times are not compared" not in capsys.readouterr().out
    # The runs of the base state a fingerprint, and not what it is made of.
    assert compare(one, base) == 0
    assert "another machine, fingerprint: aa → " in capsys.readouterr().out


def test_pairs_with_a_disturbed_run_are_left_out_of_the_times(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def calibrated(row: Row) -> None:
        row |= {"calibration_before": 0.01, "calibration_after": 0.01}

    def disturbed(row: Row) -> None:
        calibrated(row)
        if row["method"] == "jfb" and row["seed"] == 1:
            row["train_seconds"] *= 5
            row["calibration_after"] = 0.05

    a, b = folder(tmp_path / "b", calibrated), folder(tmp_path / "c", disturbed)
    assert compare(a, b) == 0
    printed = capsys.readouterr().out
    assert "1 pair with a disturbed run left out of the times" in printed
    (times,) = [line for line in printed.splitlines() if re.match(r"jfb +2 ", line)]
    assert " 1.00 [" in times
