"""Records: the round trip, and the write that is whole or not at all."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from bench import records
from bench.errors import UserError
from bench.records import (
    RunRecord,
    load_results,
    read_record,
    write_record,
    writing,
)
from tests.support import records as factories


def test_round_trip(results: Path) -> None:
    written = factories.run_record("jfb", seed=1)
    read = read_record(write_record(results, written))
    assert list(read.row) == list(records.RUN_COLUMNS)
    assert read.row["psnr"] == 35.0
    assert read.row["schema_version"] == records.SCHEMA_VERSION
    assert math.isnan(read.row["tune_seconds"])  # type: ignore[arg-type]
    assert [point["psnr"] for point in read.curve] == [point["psnr"] for point in written.curve]
    assert read.samples is not None
    assert written.samples is not None
    np.testing.assert_allclose(read.samples.clean, written.samples.clean, atol=0.5 / 255)
    np.testing.assert_array_equal(read.samples.psnr, written.samples.psnr)


def test_tables_of_a_run_round_trip_and_steps_are_read_on_demand(results: Path) -> None:
    written = factories.run_record("unrolling")
    folder = write_record(results, written)
    read, loaded = read_record(folder), load_results(results)
    assert [row["peak_memory_bytes"] for row in read.memory] == list(
        loaded.memory["peak_memory_bytes"]
    )
    assert list(loaded.memory["forward_iterations"]) == [5, 10, 20]
    assert list(loaded.reconstructions["iterations"]) == [1, 2, 5, 10]
    steps = loaded.steps(folder.name)
    assert len(steps) == len(read.steps) == len(written.steps) == 100
    assert steps["vjps"].iloc[-1] == 100
    with pytest.raises(KeyError):
        loaded.steps("../outside")


HOSTILE_NAMES = (
    "a,b",
    'say "x"',
    "two\nlines",
    "\r",
    "",
    "\x1b[2J",
    "🙂 $x^{$",
    "nul\0",
    "x" * 5000,
)


def test_metrics_round_trip_with_names_of_any_text(results: Path) -> None:
    rows: list[dict[str, object]] = [
        {"step": step, "name": name, "value": value}
        for step, name in enumerate(HOSTILE_NAMES)
        for value in (0.1 + 0.2, -math.inf, math.nan)
    ]
    folder = write_record(results, RunRecord(factories.run_row("jfb"), metrics=rows))
    plain = write_record(results, factories.run_record("phantom"))
    loaded = load_results(results)
    assert loaded.damaged == []
    read = loaded.metrics[loaded.metrics["run_id"] == folder.name]
    for name in ("step", "name", "value"):
        expected = ["\n" if row[name] == "\r" else row[name] for row in rows]
        assert list(map(str, read[name])) == list(map(str, expected))
        assert [str(row[name]) for row in read_record(folder).metrics] == list(map(str, expected))
    both = set(loaded.metrics.loc[loaded.metrics["run_id"] == plain.name, "name"])
    assert both == {"step scale", "share_kept"}


def test_a_run_without_metrics_has_no_file_of_them(results: Path) -> None:
    folder = write_record(results, factories.run_record("ift"))
    assert not (folder / "metrics.csv").exists()
    loaded = load_results(results)
    assert read_record(folder).metrics == []
    assert list(loaded.metrics.columns) == list(records.METRIC_COLUMNS)


def test_row_is_strict_json_with_null_for_what_is_not_finite(results: Path) -> None:
    row = factories.run_row(psnr=float("nan"), ssim=np.float32("inf"), seed=np.int64(3))
    text = (write_record(results, RunRecord(row)) / "record.json").read_text()
    content = json.loads(text, parse_constant=pytest.fail)
    assert content["psnr"] is None
    assert content["ssim"] is None
    assert content["seed"] == 3


def test_a_diverged_curve_keeps_its_infinity(results: Path) -> None:
    record = RunRecord(factories.run_row(), [{"step": 0, "loss": math.inf, "psnr": math.nan}])
    (point,) = read_record(write_record(results, record)).curve
    assert point["loss"] == math.inf
    assert math.isnan(point["psnr"])  # type: ignore[arg-type]


def test_samples_are_kept_as_they_were_judged(results: Path) -> None:
    # Rounded to 8 bits or cut off at 0 and 1, they would no longer have the PSNR of the record.
    wild = np.array([-1.0, 2.0, np.nan, 0.123456]).reshape(1, 1, 2, 2)
    one = np.ones(1)
    samples = records.Samples(wild, wild, wild, one, one)
    read = read_record(write_record(results, RunRecord(factories.run_row(), samples=samples)))
    assert read.samples is not None
    np.testing.assert_array_equal(read.samples.reconstruction, wild.astype(np.float32))


def test_samples_of_8_bits_are_read(results: Path) -> None:
    folder = write_record(results, factories.run_record())
    images = {name: np.full((1, 1, 2, 2), 51, np.uint8) for name in records.samples.IMAGES}
    np.savez(folder / "samples.npz", **images, psnr=np.ones(1), psnr_observed=np.ones(1))
    (folder / "files.json").unlink()  # there was none when they were written
    read = read_record(folder).samples
    assert read is not None
    np.testing.assert_allclose(read.clean, 0.2, rtol=1e-6)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"speed": 1.0}, "unknown columns: 'speed'"),
        ({"status": "fine"}, "unknown status 'fine'"),
        ({"seed": None}, "columns of the record are missing: seed"),
        ({"psnr": "34"}, "psnr: '34' is not float64"),
        ({"size": 32.5}, "size: 32.5 is not int64"),
        ({"seed": True}, "seed: True is not int64"),
        ({"run_id": "../outside"}, "not a valid folder name"),
        ({"run_id": ".hidden"}, "not a valid folder name"),
    ],
)
def test_a_wrong_row_is_refused_and_leaves_nothing(
    results: Path, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        write_record(results, RunRecord({**factories.run_row(), **change}))
    assert not (results / "runs").exists()


def test_a_curve_point_of_another_run_is_refused(results: Path) -> None:
    with pytest.raises(ValueError, match="a row of run 'other' in the curve"):
        write_record(results, RunRecord(factories.run_row(), [{"run_id": "other", "step": 0}]))


def test_a_failing_write_leaves_the_earlier_record_whole(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_record(results, factories.run_record(psnr=30.0))

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(writing, "_write_samples", fail)
    with pytest.raises(OSError, match="disk full"):
        write_record(results, factories.run_record(psnr=31.0))
    assert read_record(folder).row["psnr"] == 30.0
    assert os.listdir(results / "runs") == [folder.name]


def test_a_failing_rename_puts_the_earlier_record_back(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_record(results, factories.run_record(psnr=30.0))
    rename = os.rename

    def fail_for_the_new_one(source: Path, target: Path) -> None:
        if target == folder and not str(source).endswith("-old"):
            raise OSError("no")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_for_the_new_one)
    with pytest.raises(OSError, match="no"):
        write_record(results, factories.run_record(psnr=31.0))
    assert read_record(folder).row["psnr"] == 30.0


def test_a_record_replaces_the_earlier_one(results: Path) -> None:
    write_record(results, factories.run_record(psnr=30.0))
    folder = write_record(results, RunRecord(factories.run_row(psnr=31.0)))
    assert read_record(folder).row["psnr"] == 31.0
    assert read_record(folder).samples is None
    assert os.listdir(results / "runs") == [folder.name]


def test_the_failed_run_is_a_row(tmp_path: Path) -> None:
    runs = load_results(factories.write_results(tmp_path)).runs
    assert len(runs) == 14
    (failed,) = runs[runs["status"] != "completed"].to_dict("records")
    assert failed["status"] == "out_of_memory"
    assert math.isnan(failed["psnr"])


def test_drafts_of_a_killed_run_are_ignored(results: Path) -> None:
    write_record(results, factories.run_record())
    (results / "runs" / ".tmp-half-1").mkdir()
    loaded = load_results(results)
    assert len(loaded.runs) == 1
    assert loaded.damaged == []


def test_samples_only_of_known_runs(results: Path) -> None:
    folder = write_record(results, factories.run_record())
    loaded = load_results(results)
    assert loaded.samples(folder.name) is not None
    with pytest.raises(KeyError):
        loaded.samples("../" + folder.name)


def test_what_is_not_a_results_folder_is_said(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no such results folder"):
        load_results(tmp_path / "nowhere")
    with pytest.raises(UserError, match="not a results folder"):
        load_results(tmp_path)
    records.write_experiment(tmp_path / "experiment.yaml", {})
    with pytest.raises(UserError, match="neither records"):
        load_results(tmp_path)


def test_writing_needs_neither_torch_nor_pandas() -> None:
    code = "import bench.records, sys; sys.exit(bool({'torch', 'pandas'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
