"""What is written for a run whose supervisor is gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.execution.supervisor import Job, write_failure
from bench.experiment.claims import Claims
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.records import RunRecord, read_row, write_record

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def job(tmp_path: Path) -> Job:
    (spec,) = build_grid(GridRequest("jfb", sizes="32", seeds="1", device="cpu"))
    row = identity(spec.run_id, spec.config, spec.config_hash)
    return Job(row, spec.config, tmp_path, replaces="then")


def record(job: Job, status: str, started_at: str) -> None:
    row = {**job.row, "status": status, "started_at": started_at}
    write_record(job.results, RunRecord(row))


def test_the_failure_takes_the_place_of_the_record_that_was_to_be_replaced(job: Job) -> None:
    record(job, "diverged", "then")
    draft = job.results / "runs" / f".tmp-{job.run_id}-1"
    draft.mkdir()
    outcome = write_failure(job, "it was killed")
    assert outcome.row is not None
    assert outcome.row["started_at"]
    row = read_row(job.results, job.run_id)
    assert row is not None
    assert (row["status"], row["message"]) == ("error", "it was killed")
    assert len(list((job.results / "superseded").iterdir())) == 1
    assert not draft.exists()
    assert os.listdir(job.results / "claims") == []


def test_a_record_that_came_to_its_end_all_the_same_is_kept(job: Job) -> None:
    record(job, "completed", "now")
    outcome = write_failure(job, "it was killed")
    assert outcome.row is not None
    assert outcome.row["status"] == "completed"
    row = read_row(job.results, job.run_id)
    assert row is not None
    assert row["status"] == "completed"
    assert not (job.results / "superseded").exists()


def test_nothing_is_written_while_somebody_else_makes_the_run(job: Job) -> None:
    claim = Claims(job.results).take(job.run_id)
    assert claim is not None
    assert write_failure(job, "it was killed").row is None
    assert read_row(job.results, job.run_id) is None
