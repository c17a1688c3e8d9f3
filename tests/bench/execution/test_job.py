"""A run as whoever asked for it sees it, with a supervisor that is pretended."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from functools import partial
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import NoReturn

import pytest

from bench.execution import job as job_module
from bench.execution.job import Job
from bench.execution.order import Order, Outcome
from bench.experiment.identity import identity
from bench.records import read_row
from tests.support.stored_runs import four_runs

pytestmark = pytest.mark.usefixtures("registered")
Supervise = Callable[[Connection, Connection], None]


@pytest.fixture
def order(tmp_path: Path) -> Order:
    spec = four_runs()[0]
    return Order(identity(spec), spec.config, tmp_path)


def job_of(order: Order, supervise: Supervise) -> Job:
    """A job whose process is supervise(sender, lifeline)."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    other_end, lifeline = context.Pipe(duplex=False)

    def main() -> None:
        receiver.close()
        lifeline.close()
        supervise(sender, other_end)

    process = context.Process(target=main)
    process.start()
    sender.close()
    other_end.close()
    return Job(order, process, receiver, lifeline)


def end_of(job: Job) -> tuple[list[tuple[int, float]], Outcome]:
    """What was reported until the end, and the outcome."""
    reports: list[tuple[int, float]] = []
    while (outcome := job.poll(lambda step, psnr: reports.append((step, psnr)))) is None:
        wait(job.waitables, 60)
    return reports, outcome


def test_reports_are_passed_on_in_their_order_before_the_outcome(order: Order) -> None:
    def supervise(sender: Connection, lifeline: Connection) -> None:
        for message in ((0, 20.0), (5, 25.0), Outcome({"status": "completed"})):
            sender.send(message)

    reports, outcome = end_of(job_of(order, supervise))
    assert reports == [(0, 20.0), (5, 25.0)]
    assert outcome == Outcome({"status": "completed"})


def killed(sender: Connection, lifeline: Connection) -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError


@pytest.mark.parametrize(
    ("supervise", "how"),
    [
        (killed, "was killed by SIGKILL"),
        (lambda sender, lifeline: os._exit(3), "exited with code 3"),
    ],
)
def test_a_supervisor_that_ends_without_an_outcome_is_a_record(
    order: Order, supervise: Supervise, how: str
) -> None:
    _, outcome = end_of(job_of(order, supervise))
    message = f"the supervisor of the run {how}"
    assert outcome.row is not None
    row = read_row(order.results, order.run_id)
    assert row is not None
    assert (row["status"], row["message"]) == ("error", message)


def leaves(sender: Connection, lifeline: Connection, path: Path) -> None:
    """A supervisor that ends when nobody wants its run, and then has something to clean up."""
    lifeline.poll(None)
    time.sleep(0.2)
    path.touch()


def test_a_cancelled_job_is_waited_for_and_leaves_no_record(order: Order) -> None:
    cleaned = order.results / "cleaned"
    job = job_of(order, partial(leaves, path=cleaned))
    assert job.poll(lambda step, psnr: None) is None
    job.cancel()
    assert cleaned.exists()
    assert read_row(order.results, order.run_id) is None


def test_a_cancelled_job_that_does_not_end_is_killed(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(job_module, "END_SECONDS", 0.2)
    job = job_of(order, lambda sender, lifeline: time.sleep(60))
    job.cancel()
    assert job._process.exitcode == -signal.SIGKILL
