"""The worker between its measurement and its record, and what it is asked meanwhile."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.execution import worker
from bench.execution.order import Order, Outcome, TimeLimit
from bench.execution.supervisor import supervise
from bench.execution.worker import OUT_OF_TIME
from bench.experiment.files import CHECKPOINTS
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.measurement.failure import OutOfTime
from bench.records import RunRecord, read_record

pytestmark = pytest.mark.usefixtures("registered")
Measure = Callable[..., RunRecord]


def measured(*_: object) -> RunRecord:
    """What stands for a measurement that is complete."""
    return RunRecord({"status": "completed", "psnr": 30.0, "wall_seconds": 1.0})


def outcome_of(results: Path, monkeypatch: pytest.MonkeyPatch, measure: Measure) -> Outcome:
    """Make a run, in a process of its own, of which only the measurement is pretended."""
    monkeypatch.setattr("bench.measurement.run.measure", measure)
    (spec,) = build_grid(GridRequest("jfb", sizes="32", seeds="1", device="cpu"))
    limit = TimeLimit(60.0, "ended after a minute")
    order = Order(identity(spec), spec.config, results, outer_limit=limit)
    return supervise(order, lambda step, psnr: None, lambda: True)


def test_a_record_has_what_was_measured_and_what_was_known_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outcome = outcome_of(tmp_path, monkeypatch, measured)
    assert outcome.row is not None
    row = read_record(tmp_path / "runs" / str(outcome.row["run_id"])).row
    assert (row["status"], row["psnr"], row["method"]) == ("completed", 30.0, "jfb")
    assert row["concurrency"] == 1.0
    assert row["host"]
    assert row["started_at"]


def test_a_run_that_is_asked_to_end_while_it_is_measured_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object) -> RunRecord:
        try:
            os.kill(os.getpid(), OUT_OF_TIME)
        except OutOfTime as error:
            return RunRecord({"status": "timeout", "message": str(error)})
        raise AssertionError("it was not told")

    row = outcome_of(tmp_path, monkeypatch, interrupted).row
    assert row is not None
    assert (row["status"], row["message"]) == ("timeout", "ended after a minute")


def test_a_run_that_is_asked_to_end_after_its_measurement_keeps_its_record(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = worker.write_record

    def asked(results: Path, record: RunRecord) -> None:
        os.kill(os.getpid(), OUT_OF_TIME)
        write(results, record)
        os.kill(os.getpid(), OUT_OF_TIME)

    monkeypatch.setattr(worker, "write_record", asked)
    outcome = outcome_of(tmp_path, monkeypatch, measured)
    assert outcome.row is not None
    assert outcome.kept
    row = read_record(tmp_path / "runs" / str(outcome.row["run_id"])).row
    assert (row["status"], row["message"], row["psnr"]) == ("completed", "", 30.0)


def test_the_checkpoint_goes_when_the_record_is_there_and_not_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / CHECKPOINTS
    write = worker.write_record

    def training(config: object, report: object, checkpoint: object) -> RunRecord:
        folder.mkdir()
        checkpoint._file.path.touch()  # type: ignore[attr-defined]
        return measured()

    def looking(results: Path, record: RunRecord) -> None:
        names = sorted(path.name for path in folder.iterdir())
        write(results, RunRecord({**record.row, "message": " ".join(names)}))

    monkeypatch.setattr(worker, "write_record", looking)
    row = outcome_of(tmp_path, monkeypatch, training).row
    assert row is not None
    assert row["message"] == f"{row['run_id']}.safetensors"
    assert not folder.exists()
