"""A planned run as a job of a cluster makes it: its limit of time, and what Slurm's signals do."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

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

PLAN = """
import sys
from pathlib import Path
from bench.experiment.grid import GridRequest, build_grid
from bench.plugins import load_all
from bench.experiment.folder import prepare_folder

results, plugin, *settings = sys.argv[1:]
load_all([plugin])
cheap = {"problem": "gaussian", "sizes": "16", "seeds": "1", "device": "cpu"}
request = GridRequest("cheap[fault=slow]", overrides=tuple(settings), **cheap)
prepare_folder(Path(results), build_grid(request), {})
"""
JOB = """
import sys
from bench.execution.slurm.cluster import PlannedRun, SlurmSettings, _Preemptible

class Short(SlurmSettings):
    seconds_of_a_run = float(sys.argv[4])

_Preemptible(PlannedRun(sys.argv[1], (sys.argv[3],), Short(minutes=3)))((sys.argv[2], ""))
"""


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
