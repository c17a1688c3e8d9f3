"""What is asked of Slurm's commands and made of their answers; tests/slurm asks a real one."""

from __future__ import annotations

import importlib
import shlex
import subprocess
import sys
import types
from collections.abc import Callable
from pathlib import Path

import cloudpickle
import pytest
from bench.execution.slurm.cluster import (
    ENDED,
    QUEUED,
    RUNNING,
    UNKNOWN,
    PlannedRun,
    SlurmSettings,
    largest_array,
    states,
    submission_folder,
    submit,
)

from bench.errors import UserError
from bench.execution.slurm import cluster as slurm
from bench.execution.worker import TimeLimit

CHECKOUT = Path(__file__).resolve().parents[4]
Command = Callable[[str, str], None]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Command:
    """Puts a command on a PATH that has nothing else of Slurm: command(name, shell script)."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))

    def put(name: str, script: str) -> None:
        file = folder / name
        file.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        file.chmod(0o755)

    return put


@pytest.fixture
def cluster(command: Command, tmp_path: Path) -> Path:
    """Commands that accept every job as number 42; the folder that keeps what was submitted."""
    command("srun", "exit 1")
    kept = tmp_path / "submitted.sh"
    command("sbatch", f'while read -r line; do echo "$line"; done <"$1" >{kept}\necho job 42')
    return kept


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"gpus": -1}, "slurm.gpus=-1: must be at least 0"),
        ({"cpus": 0}, "slurm.cpus=0: must be at least 1"),
        ({"minutes": 1}, "slurm.minutes=1: must be at least 2"),
        ({"parallelism": 0}, "slurm.parallelism=0: must be at least 1"),
        ({"memory_gib": 0.0}, "slurm.memory_gib=0.0: must be greater than 0"),
        ({"memory_gib": float("nan")}, "slurm.memory_gib=nan: must be greater than 0"),
        ({"memory_gib": float("inf")}, "slurm.memory_gib=inf: must be greater than 0"),
    ],
)
def test_settings_out_of_range_are_refused(settings: dict[str, float], message: str) -> None:
    with pytest.raises(UserError, match=message.replace(".", r"\.")):
        SlurmSettings(**settings)


def test_one_array_is_submitted_with_all_settings(cluster: Path, tmp_path: Path) -> None:
    settings = SlurmSettings(
        *("main", 2, 3, 1.5, 90, 2), account="lab", qos="long", constraint="a100"
    )
    assert submit("abc", print, settings, tmp_path / "jobs") == ["42_0", "42_1", "42_2"]
    script = cluster.read_text(encoding="utf-8")
    flags = {line.removeprefix("#SBATCH --") for line in script.splitlines() if "SBATCH" in line}
    assert flags >= {
        *("partition=main", "account=lab", "qos=long", "constraint=a100", "gpus-per-node=2"),
        *("cpus-per-task=3", "mem=1536M", "time=90", "array=0-2%2", "requeue", "signal=USR2@30"),
    }
    (run,) = [line for line in script.splitlines() if line.startswith("srun")]
    assert "--cpus-per-task=3" in run
    assert sys.executable in run


def test_what_is_not_set_is_left_to_the_cluster(cluster: Path, tmp_path: Path) -> None:
    assert submit(["a"], print, SlurmSettings(), tmp_path / "jobs") == ["42"]
    script = cluster.read_text(encoding="utf-8")
    for flag in ("partition", "account", "qos", "constraint", "gpus", "array"):
        assert f"#SBATCH --{flag}" not in script


def test_a_task_finds_this_checkout_before_what_is_on_its_path(
    cluster: Path, tmp_path: Path
) -> None:
    submit(["a"], print, SlurmSettings(), tmp_path / "jobs")
    (export,) = [
        line for line in cluster.read_text(encoding="utf-8").splitlines() if "PYTHONPATH" in line
    ]
    assert shlex.split(export) == ["export", f"PYTHONPATH={CHECKOUT}${{PYTHONPATH:+:$PYTHONPATH}}"]


def test_nothing_is_submitted_for_no_task(tmp_path: Path) -> None:
    assert submit([], print, SlurmSettings(), tmp_path / "jobs") == []
    assert not (tmp_path / "jobs").exists()


def test_a_refusal_is_told_in_one_line(
    command: Command, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    command("srun", "exit 1")
    command("sbatch", "echo 'sbatch: error: invalid account' >&2\necho 'sbatch: no' >&2\nexit 1")
    with pytest.raises(UserError) as refused:
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")
    told = str(refused.value)
    assert told == "sbatch refuses the jobs: sbatch: error: invalid account sbatch: no"
    assert capfd.readouterr().err == ""


def test_an_answer_without_a_job_id_is_told(command: Command, tmp_path: Path) -> None:
    command("srun", "exit 1")
    command("sbatch", "echo what?")
    with pytest.raises(UserError, match="Could not make sense of sbatch output"):
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")


def test_a_folder_that_cannot_be_made_is_told(cluster: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write the job files: .*file"):
        submit("ab", print, SlurmSettings(), tmp_path / "file" / "jobs")


def test_without_slurm_the_missing_command_is_told(command: Command, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Slurm's sbatch is not on PATH"):
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")


def test_without_submitit_the_way_to_install_it_is_told(
    cluster: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install 'implicit-bench\[slurm\]'"):
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")


def test_submitit_is_imported_only_to_submit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    importlib.reload(slurm)


def test_pickles_are_kept_in_the_cache_apart_for_each_results_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    one, other = submission_folder(Path("one/mine")), submission_folder(Path("other/mine"))
    assert one != other
    assert one.parent == other.parent == tmp_path / "cache" / "slurm"
    assert one == submission_folder(tmp_path / "one" / "mine")


def test_a_planned_run_is_made_where_it_is_unpickled(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, ...]] = []
    planned_run = types.ModuleType("bench.execution.slurm.planned_run")
    planned_run.make_planned_run = lambda *given: made.append(given)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "bench.execution.slurm.planned_run", planned_run)
    run = cloudpickle.loads(cloudpickle.dumps(PlannedRun("/results/mine", ("mine.py",))))
    run(("jfb-0", "then"))
    limit = TimeLimit(14280.0, "time limit reached after 14280 s (slurm.minutes=240)")
    assert made == [(Path("/results/mine"), "jfb-0", ("mine.py",), "then", limit)]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        ("echo 'MaxArraySize            = 251'", 250),
        ("echo 'MaxArraySize = 1'", 1),  # arrays are off
        ("echo 'MaxJobCount = 10000'", 1000),
        ("exit 1", 1000),
    ],
)
def test_the_cluster_says_how_large_an_array_may_be(
    answer: str, expected: int, command: Command
) -> None:
    command("scontrol", answer)
    assert largest_array() == expected


def test_an_array_is_of_the_usual_size_where_the_cluster_cannot_be_asked(command: Command) -> None:
    assert largest_array() == 1000


IN_A_JOB = """
import os, signal, sys, time
from bench.execution.slurm.cluster import _Preemptible

def of_submitit(number, frame):
    sys.exit(-1)

def run(task):
    try:
        os.kill(os.getpid(), getattr(signal, task))
        time.sleep(60)
    finally:
        for again in ("SIGTERM", "SIGUSR2", "SIGTERM"):
            os.kill(os.getpid(), getattr(signal, again))
            time.sleep(0.01)
        print("gave everything back", flush=True)

signal.signal(signal.SIGUSR2, of_submitit)
_Preemptible(run)(sys.argv[1])
"""


@pytest.mark.parametrize(("number", "status"), [("SIGTERM", 143), ("SIGUSR2", 255)])
def test_a_job_that_is_told_twice_gives_back_what_it_has(number: str, status: int) -> None:
    line = [sys.executable, "-c", IN_A_JOB, number]
    done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (status, "gave everything back\n"), done.stderr


def test_each_state_is_one_of_three(command: Command) -> None:
    rows = {"7_0": "R", "7_1": "PD", "7_2": "CG", "7_3": "CF", "7_4": "S", "8": "CD", "9": "TO"}
    command("squeue", "\n".join(f"echo '{job_id} {state}'" for job_id, state in rows.items()))
    assert states(["9", "7_0", "7_1", "7_2", "7_3", "7_4", "7_5", "8", "7_0"]) == {
        **{"7_0": RUNNING, "7_1": QUEUED, "7_2": RUNNING, "7_3": QUEUED, "7_4": RUNNING},
        **{"7_5": ENDED, "8": ENDED, "9": ENDED},  # 7_5: no longer listed
    }


def test_whole_arrays_are_asked_for_in_few_calls(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls = tmp_path / "calls"
    command("squeue", f'echo "$@" >>{calls}')
    monkeypatch.setattr(slurm, "JOBS_PER_CALL", 2)
    states(["1_0", "1_1", "2_0", "3", "1_2"])
    jobs = [line.split("--jobs=")[1] for line in calls.read_text(encoding="utf-8").splitlines()]
    assert jobs == ["1,2", "3"]


def test_no_call_is_made_for_no_job() -> None:
    assert states([]) == {}


def test_the_users_own_defaults_do_not_change_the_answer(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("squeue", "echo 1 ${SQUEUE_STATES-R}")
    monkeypatch.setenv("SQUEUE_STATES", "PD")
    assert states(["1"]) == {"1": RUNNING}


def test_a_job_that_was_forgotten_has_ended(command: Command) -> None:
    command("squeue", "echo 'slurm_load_jobs error: Invalid job id specified' >&2; exit 1")
    assert states(["1", "2_0"]) == {"1": ENDED, "2_0": ENDED}


def test_states_are_unknown_where_squeue_fails(command: Command) -> None:
    command("squeue", "echo 'Unable to contact slurm controller' >&2; exit 1")
    assert states(["1", "2_0"]) == {"1": UNKNOWN, "2_0": UNKNOWN}


def test_states_are_unknown_where_squeue_hangs(
    command: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    command("squeue", "while :; do :; done")
    monkeypatch.setattr(slurm, "SQUEUE_SECONDS", 0.2)
    assert states(["1"]) == {"1": UNKNOWN}


def test_states_are_unknown_without_squeue(command: Command) -> None:
    assert states(["1", "2_0"]) == {"1": UNKNOWN, "2_0": UNKNOWN}
