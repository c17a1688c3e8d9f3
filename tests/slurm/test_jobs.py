"""Submission to, and the queue of, a real Slurm of one node."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.execution.slurm.queue import job_states
from bench.execution.slurm.settings import SlurmSettings
from bench.execution.slurm.submission import submission_folder, submit
from bench.experiment.state import RunState
from tests.slurm import tasks

CHECKOUT = Path(__file__).resolve().parents[2]
MODEST = SlurmSettings(memory_gib=0.5)
MOST_SECONDS = 60
QUEUED, RUNNING, ENDED = RunState.QUEUED, RunState.RUNNING, RunState.MISSING


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return submission_folder(tmp_path / "results")


@pytest.fixture(autouse=True)
def empty_queue() -> Iterator[None]:
    yield
    subprocess.run(["scancel", "--user=root"], check=True)


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + MOST_SECONDS
    while not holds():
        assert time.monotonic() < deadline, "too slow"
        time.sleep(0.2)


def wait_for_end(job_ids: list[str]) -> None:
    wait_until(lambda: set(job_states(job_ids).values()) == {ENDED})


def wait_until_begun(attempts: Path) -> None:
    wait_until(lambda: attempts.exists() and attempts.stat().st_size > 0)
    time.sleep(0.5)  # its child has to start


def test_tasks_run_with_this_python_and_this_checkout_from_any_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "a folder, elsewhere"
    elsewhere.mkdir()
    monkeypatch.chdir(elsewhere)
    monkeypatch.delenv("PYTHONPATH", raising=False)
    files = [tmp_path / f"{number}.json" for number in range(3)]
    job_ids = submit([str(file) for file in files], tasks.describe, MODEST, folder)
    assert [job_id.split("_")[1] for job_id in job_ids] == ["0", "1", "2"]
    wait_for_end(job_ids)
    for file in files:
        seen = json.loads(file.read_text(encoding="utf-8"))
        assert seen["python"] == sys.executable
        assert seen["checkout"] == str(CHECKOUT)
    assert not (tmp_path / "results").exists()
    assert folder.is_relative_to(tmp_path / "cache")


def test_what_is_asked_for_is_given(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "seen.json"
    asked = SlurmSettings(partition="low", gpus=1, cpus=2, memory_gib=0.5, minutes=30)
    wait_for_end(submit([str(file)], tasks.describe, asked, folder))
    seen = json.loads(file.read_text(encoding="utf-8"))
    assert (seen["gpus"], seen["cpus"]) == ("0", "2")


def test_one_task_at_a_time_and_the_others_in_the_queue(folder: Path) -> None:
    one = SlurmSettings(memory_gib=0.5, parallelism=1)
    first, second = submit(["600", "600"], tasks.wait, one, folder)
    wait_until(lambda: job_states([first])[first] == RUNNING)
    assert job_states([second, first]) == {second: QUEUED, first: RUNNING}
    subprocess.run(["scancel", first], check=True)
    wait_until(lambda: job_states([first, second]) == {first: ENDED, second: RUNNING})


def test_a_job_that_slurm_has_forgotten_has_ended() -> None:
    assert job_states(["999999"]) == {"999999": ENDED}
    assert job_states(["999998_0", "999999_1"]) == {"999998_0": ENDED, "999999_1": ENDED}


@pytest.mark.parametrize(
    ("partition", "preempt"),
    [
        # as a cluster that sends submitit's signal and leaves the rest to the job
        ("main", "scancel --signal=USR2 {job_id}"),
        # as one that puts the job back itself: a job of higher priority needs the whole node
        ("low", "sbatch --exclusive --output=/dev/null --wrap=true"),
        ("main", "scontrol requeue {job_id}"),
    ],
)
def test_a_preempted_task_cleans_up_and_begins_anew(
    partition: str, preempt: str, folder: Path, tmp_path: Path
) -> None:
    attempts = tmp_path / "attempts"
    settings = SlurmSettings(partition=partition, memory_gib=0.5, minutes=30)
    (job_id,) = submit([str(attempts)], tasks.wait_once, settings, folder)
    wait_until_begun(attempts)
    subprocess.run(preempt.format(job_id=job_id).split(), check=True)
    wait_until(lambda: job_states([job_id])[job_id] == QUEUED)
    wait_for_end([job_id])
    assert attempts.read_text(encoding="utf-8") == "attempt\ncleaned up\nattempt\n"


def test_a_task_that_runs_out_of_time_cleans_up_and_is_not_repeated(
    folder: Path, tmp_path: Path
) -> None:
    attempts = tmp_path / "attempts"
    # submitit takes the signal for the end of the time in the last ten minutes of a task.
    settings = SlurmSettings(memory_gib=0.5, minutes=9)
    (job_id,) = submit([str(attempts)], tasks.wait_once, settings, folder)
    wait_until_begun(attempts)
    subprocess.run(["scancel", "--signal=USR2", job_id], check=True)
    wait_for_end([job_id])
    assert attempts.read_text(encoding="utf-8") == "attempt\ncleaned up\n"


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        (SlurmSettings(partition="fast"), "invalid partition specified: fast"),
        (SlurmSettings(gpus=2), "Requested node configuration is not available"),
        (SlurmSettings(memory_gib=1e6), "Memory specification can not be satisfied"),
    ],
)
def test_what_slurm_refuses_is_said_in_one_line(
    settings: SlurmSettings, reason: str, folder: Path
) -> None:
    with pytest.raises(UserError, match="sbatch rejected the jobs") as refused:
        submit(["1", "2"], tasks.wait, settings, folder)
    assert reason in str(refused.value)
    assert "\n" not in str(refused.value)
