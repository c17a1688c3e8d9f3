"""A planned run as a job makes it: what it replaces, its limit of time, and Slurm's signals."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import cloudpickle
import psutil
import pytest

from bench.errors import UserError
from bench.execution.order import Order, Outcome, TimeLimit
from bench.execution.slurm.task import PlannedRun, make_planned_run
from bench.experiment.claims import Claims
from bench.experiment.folder import prepare_folder
from bench.experiment.identity import identity
from bench.experiment.spec import RunSpec
from bench.records import read_plan, read_rows
from tests.support.cheap_runs import (
    PATIENCE,
    PLUGIN,
    SETTINGS,
    all_gone,
    leftovers,
    statuses,
    wait_until,
)
from tests.support.stored_runs import STARTED, damage, four_runs, store

PLAN = """
import sys
from pathlib import Path
from bench.experiment.folder import prepare_folder
from bench.experiment.grid import GridRequest, build_grid
from bench.plugins import load_all

results, plugin, *settings = sys.argv[1:]
load_all([plugin])
cheap = {"problem": "gaussian", "sizes": "16", "seeds": "1", "device": "cpu"}
request = GridRequest("cheap[fault=slow]", overrides=tuple(settings), **cheap)
prepare_folder(Path(results), build_grid(request), {})
"""
JOB = """
import sys
from bench.execution.slurm.settings import SlurmSettings
from bench.execution.slurm.submission import _Preemptible
from bench.execution.slurm.task import PlannedRun

class Short(SlurmSettings):
    seconds_of_a_run = float(sys.argv[4])

_Preemptible(PlannedRun(sys.argv[1], (sys.argv[3],), Short(minutes=3)))((sys.argv[2], ""))
"""


def test_a_planned_run_is_made_where_it_is_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, ...]] = []
    run = cloudpickle.loads(
        cloudpickle.dumps(PlannedRun("/results/mine", ("mine.py",), callbacks=("tensorboard",)))
    )
    monkeypatch.setattr(
        "bench.execution.slurm.task.make_planned_run", lambda *given: made.append(given)
    )
    run(("jfb-0", "then"))
    limit = TimeLimit(14280.0, "time limit reached after 14280 s (slurm.minutes=240)")
    assert made == [(Path("/results/mine"), "jfb-0", ("mine.py",), "then", limit, ("tensorboard",))]


# ------------------------------------------------------------------ whether there is a run to make


@pytest.fixture
def specs(registered: None, tmp_path: Path) -> list[RunSpec]:
    """The runs that are planned in the folder."""
    made = four_runs()
    prepare_folder(tmp_path, made, {})
    return made


@pytest.fixture
def orders(monkeypatch: pytest.MonkeyPatch) -> list[Order]:
    """What is sent to the supervisor, who has nothing done."""
    sent: list[Order] = []

    def supervise(order: Order, *_: object) -> Outcome:
        sent.append(order)
        return Outcome(order.row)

    monkeypatch.setattr("bench.execution.slurm.task.supervise", supervise)
    return sent


def test_the_order_is_what_the_plan_says(
    specs: list[RunSpec], orders: list[Order], tmp_path: Path
) -> None:
    limit = TimeLimit(60.0, "ended after a minute")
    make_planned_run(tmp_path, specs[0].run_id, limit=limit)
    (order,) = orders
    assert (order.row, order.config) == (identity(specs[0]), specs[0].config)
    assert (order.results, order.replaces, order.outer_limit) == (tmp_path, "", limit)


def test_only_the_record_that_was_there_at_submission_is_replaced(
    specs: list[RunSpec], orders: list[Order], tmp_path: Path
) -> None:
    store(tmp_path, specs[0], status="error", message="a fault")
    make_planned_run(tmp_path, specs[0].run_id)  # submitted when there was none
    make_planned_run(tmp_path, specs[0].run_id, replaces="long ago")
    assert orders == []
    make_planned_run(tmp_path, specs[0].run_id, replaces=STARTED)
    assert [order.replaces for order in orders] == [STARTED]


def test_a_record_that_stands_for_nothing_is_replaced_whenever_it_was_made(
    specs: list[RunSpec], orders: list[Order], tmp_path: Path
) -> None:
    store(tmp_path, specs[0], code_version="0123456789ab")
    damage(tmp_path, specs[1])
    for spec in specs[:2]:
        make_planned_run(tmp_path, spec.run_id)
    assert [(order.run_id, order.replaces) for order in orders] == [
        (specs[0].run_id, STARTED),
        (specs[1].run_id, ""),
    ]


def test_a_run_that_somebody_makes_is_left_to_them(
    specs: list[RunSpec], orders: list[Order], tmp_path: Path
) -> None:
    claim = Claims(tmp_path).take(specs[0].run_id)
    assert claim is not None
    make_planned_run(tmp_path, specs[0].run_id)
    assert orders == []


def test_a_run_that_is_not_planned_is_refused(specs: list[RunSpec], tmp_path: Path) -> None:
    with pytest.raises(UserError, match="run 'jfb-9' is not planned"):
        make_planned_run(tmp_path, "jfb-9")


def test_a_record_that_cannot_be_written_fails_the_job(
    specs: list[RunSpec], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    unkept = Outcome({}, "the record could not be written: No space left", kept=False)
    monkeypatch.setattr("bench.execution.slurm.task.supervise", lambda *_: unkept)
    with pytest.raises(OSError, match="No space left"):
        make_planned_run(tmp_path, specs[0].run_id)


# --------------------------------------------------------------------- a job with Slurm's signals


@pytest.fixture
def planned(tmp_path: Path) -> Path:
    """A folder in which a run is planned that would take minutes."""
    subprocess.run([sys.executable, "-c", PLAN, str(tmp_path), str(PLUGIN), *SETTINGS], check=True)
    return tmp_path


def job(results: Path, seconds: float, **variables: str) -> subprocess.Popen[str]:
    """A process that makes the run, as a job of this many seconds."""
    (run_id,) = read_plan(results).runs
    line = [sys.executable, "-c", JOB, str(results), run_id, str(PLUGIN), str(seconds)]
    environment = {**os.environ, "SLURM_JOB_ID": "7", **variables}
    return subprocess.Popen(line, env=environment, stderr=subprocess.PIPE, text=True)


@pytest.mark.soak
def test_a_run_that_its_job_has_no_time_for_is_a_row_that_names_the_setting(planned: Path) -> None:
    with job(planned, 2.0) as process:
        try:
            said = process.communicate(timeout=PATIENCE)[1]
        finally:
            process.kill()
    assert said == ""
    (row,) = read_rows(planned).rows
    assert (row["status"], row["message"]) == (
        "timeout",
        "time limit reached after 2 s (slurm.minutes=3)",
    )
    assert list(leftovers(planned)) == []


def test_slurms_signals_end_the_run_by_its_supervisor_and_leave_no_record(planned: Path) -> None:
    made = planned / "made"
    process = job(planned, 600.0, MADE=str(made))
    wait_until(lambda: made.exists() and made.read_text().endswith("\n"))
    worker = psutil.Process(int(made.read_text()))
    for number in (signal.SIGTERM, signal.SIGUSR2):
        worker.send_signal(number)
    with pytest.raises(psutil.TimeoutExpired):
        worker.wait(1.0)
    process.send_signal(signal.SIGTERM)
    said = process.communicate()[1]
    assert process.returncode == 128 + signal.SIGTERM, said
    assert all_gone([worker])
    assert statuses(planned) == {}
    assert list(leftovers(planned)) == []
