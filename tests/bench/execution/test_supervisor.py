"""What is written for a run whose supervisor is gone."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.execution.order import Order
from bench.execution.supervisor import write_failure
from bench.experiment.claims import Claims
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.records import RunRecord, read_row, write_record

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def order(tmp_path: Path) -> Order:
    (spec,) = build_grid(GridRequest("jfb", sizes="32", seeds="1", device="cpu"))
    return Order(identity(spec), spec.config, tmp_path, replaces="then")


def record(order: Order, status: str, started_at: str) -> None:
    row = {**order.row, "status": status, "started_at": started_at}
    write_record(order.results, RunRecord(row))


def test_the_failure_takes_the_place_of_the_record_that_was_to_be_replaced(order: Order) -> None:
    record(order, "diverged", "then")
    draft = order.results / "runs" / f".tmp-{order.run_id}-1"
    draft.mkdir()
    outcome = write_failure(order, "it was killed")
    assert outcome.row is not None
    assert outcome.row["started_at"]
    row = read_row(order.results, order.run_id)
    assert row is not None
    assert (row["status"], row["message"]) == ("error", "it was killed")
    assert len(list((order.results / "superseded").iterdir())) == 1
    assert not draft.exists()
    assert os.listdir(order.results / "claims") == []


def test_a_record_that_came_to_its_end_all_the_same_is_kept(order: Order) -> None:
    record(order, "completed", "now")
    outcome = write_failure(order, "it was killed")
    assert outcome.row is not None
    assert outcome.row["status"] == "completed"
    row = read_row(order.results, order.run_id)
    assert row is not None
    assert row["status"] == "completed"
    assert not (order.results / "superseded").exists()


def test_nothing_is_written_while_somebody_else_makes_the_run(order: Order) -> None:
    claim = Claims(order.results).take(order.run_id)
    assert claim is not None
    assert write_failure(order, "it was killed").row is None
    assert read_row(order.results, order.run_id) is None
