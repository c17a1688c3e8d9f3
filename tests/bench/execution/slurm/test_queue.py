"""What squeue is asked for, and what its answers say of jobs and of their runs."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.execution.slurm import queue
from bench.execution.slurm.jobs_file import write_jobs
from bench.execution.slurm.queue import in_queue, job_standings, job_states
from bench.execution.slurm.submission import log_file_of
from bench.experiment.state import RunState, Standing

Command = Callable[[str, str], None]
QUEUED, RUNNING, ENDED = RunState.QUEUED, RunState.RUNNING, RunState.MISSING


def lists(command: Command, rows: dict[str, str]) -> None:
    """Let squeue list these jobs, each with its compact state."""
    command("squeue", "\n".join(f"echo '{job_id} {state}'" for job_id, state in rows.items()))


# ------------------------------------------------------------------------------------ of jobs


def test_each_state_is_one_of_three(command: Command) -> None:
    rows = {"7_0": "R", "7_1": "PD", "7_2": "CG", "7_3": "CF", "7_4": "S", "8": "CD", "9": "TO"}
    lists(command, rows)
    assert job_states(["9", "7_0", "7_1", "7_2", "7_3", "7_4", "7_5", "8", "7_0"]) == {
        **{"7_0": RUNNING, "7_1": QUEUED, "7_2": RUNNING, "7_3": QUEUED, "7_4": RUNNING},
        **{"7_5": ENDED, "8": ENDED, "9": ENDED},  # 7_5: no longer listed
    }


def test_whole_arrays_are_asked_for_in_few_calls(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    command("squeue", f'echo "$@" >>{calls}')
    monkeypatch.setattr(queue, "JOBS_PER_CALL", 2)
    job_states(["1_0", "1_1", "2_0", "3", "1_2"])
    jobs = [line.split("--jobs=")[1] for line in calls.read_text(encoding="utf-8").splitlines()]
    assert jobs == ["1,2", "3"]


def test_a_call_without_an_answer_leaves_the_answers_of_the_others(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("squeue", 'case "$*" in *--jobs=1) exit 1;; *) echo 2_0 PD;; esac')
    monkeypatch.setattr(queue, "JOBS_PER_CALL", 1)
    assert job_states(["1", "2_0", "2_1"]) == {"1": None, "2_0": QUEUED, "2_1": ENDED}


def test_no_call_is_made_for_no_job() -> None:
    assert job_states([]) == {}


def test_the_users_own_defaults_do_not_change_the_answer(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("squeue", "echo 1 ${SQUEUE_STATES-R}")
    monkeypatch.setenv("SQUEUE_STATES", "PD")
    assert job_states(["1"]) == {"1": RUNNING}


def test_a_job_that_was_forgotten_has_ended(command: Command) -> None:
    command("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert job_states(["1", "2_0"]) == {"1": ENDED, "2_0": ENDED}


def test_states_are_unknown_where_squeue_fails(command: Command) -> None:
    command("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    assert job_states(["1", "2_0"]) == {"1": None, "2_0": None}


def test_states_are_unknown_where_squeue_hangs(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("squeue", "while :; do :; done")
    monkeypatch.setattr(queue, "SQUEUE_SECONDS", 0.2)
    assert job_states(["1"]) == {"1": None}


@pytest.mark.usefixtures("command")
def test_states_are_unknown_without_squeue() -> None:
    assert job_states(["1", "2_0"]) == {"1": None, "2_0": None}


# ------------------------------------------------------------------------------------ of runs


def test_the_jobs_in_the_queue_are_those_that_are_queued_or_running(command: Command) -> None:
    lists(command, {"7_0": "R", "7_1": "PD", "7_2": "CD"})
    jobs = {"a": "7_0", "b": "7_1", "c": "7_2", "d": "7_3"}
    assert in_queue(jobs) == {"a": "7_0", "b": "7_1"}


def test_what_is_in_the_queue_is_not_guessed(command: Command) -> None:
    command("squeue", "exit 1")
    assert in_queue({}) == {}
    with pytest.raises(UserError, match="squeue does not respond"):
        in_queue({"a": "7_0"})


def test_the_standing_of_a_run_is_told_by_its_job(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    lists(command, {"7_0": "PD", "7_1": "R"})
    write_jobs(tmp_path, {"a": "7_0", "b": "7_1", "c": "7_2", "d": "7_3"})
    log = log_file_of(tmp_path, "7_3")
    log.parent.mkdir(parents=True)
    log.touch()
    assert job_standings(tmp_path) == {
        "a": Standing(QUEUED, "job 7_0"),
        "b": Standing(RUNNING, "job 7_1"),
        "c": Standing(ENDED, "job 7_2 ended without a record"),
        "d": Standing(ENDED, f"job 7_3 ended without a record (log: {log})"),
    }


def test_a_run_whose_job_cannot_be_asked_for_says_so(command: Command, tmp_path: Path) -> None:
    command("squeue", "exit 1")
    write_jobs(tmp_path, {"a": "7_0"})
    expected = Standing(RunState.MISSING, "squeue does not respond (job 7_0)")
    assert job_standings(tmp_path) == {"a": expected}


@pytest.mark.usefixtures("command")
def test_nothing_is_told_of_a_folder_without_jobs(tmp_path: Path) -> None:
    assert job_standings(tmp_path) == {}
