"""What is submitted to Slurm, and what its commands say to that; tests/slurm asks a real one."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.execution.slurm.settings import SlurmSettings
from bench.execution.slurm.submission import largest_array, submission_folder, submit

CHECKOUT = Path(__file__).resolve().parents[4]
Command = Callable[[str, str], None]


@pytest.fixture
def sbatch(command: Command, tmp_path: Path) -> Path:
    """Commands that accept every job as number 42; the folder that keeps what was submitted."""
    command("srun", "exit 1")
    kept = tmp_path / "submitted.sh"
    command("sbatch", f'while read -r line; do echo "$line"; done <"$1" >{kept}\necho job 42')
    return kept


def test_one_array_is_submitted_with_all_settings(sbatch: Path, tmp_path: Path) -> None:
    settings = SlurmSettings(
        *("main", 2, 3, 1.5, 90, 2), account="lab", qos="long", constraint="a100"
    )
    assert submit("abc", print, settings, tmp_path / "jobs") == ["42_0", "42_1", "42_2"]
    script = sbatch.read_text(encoding="utf-8")
    flags = {line.removeprefix("#SBATCH --") for line in script.splitlines() if "SBATCH" in line}
    assert flags >= {
        *("partition=main", "account=lab", "qos=long", "constraint=a100", "gpus-per-node=2"),
        *("cpus-per-task=3", "mem=1536M", "time=90", "array=0-2%2", "requeue", "signal=USR2@30"),
    }
    (run,) = [line for line in script.splitlines() if line.startswith("srun")]
    assert "--cpus-per-task=3" in run
    assert sys.executable in run


def test_what_is_not_set_is_left_to_the_cluster(sbatch: Path, tmp_path: Path) -> None:
    assert submit(["a"], print, SlurmSettings(), tmp_path / "jobs") == ["42"]
    script = sbatch.read_text(encoding="utf-8")
    for flag in ("partition", "account", "qos", "constraint", "gpus", "array"):
        assert f"#SBATCH --{flag}" not in script


def test_a_task_finds_this_checkout_before_what_is_on_its_path(
    sbatch: Path, tmp_path: Path
) -> None:
    submit(["a"], print, SlurmSettings(), tmp_path / "jobs")
    (export,) = [
        line for line in sbatch.read_text(encoding="utf-8").splitlines() if "PYTHONPATH" in line
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
    assert told == "sbatch rejected the jobs: sbatch: error: invalid account sbatch: no"
    assert capfd.readouterr().err == ""


def test_an_answer_without_a_job_id_is_told(command: Command, tmp_path: Path) -> None:
    command("srun", "exit 1")
    command("sbatch", "echo what?")
    with pytest.raises(UserError, match="Could not make sense of sbatch output"):
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")


def test_a_folder_that_cannot_be_made_is_told(sbatch: Path, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match=r"cannot write the job files: .*file"):
        submit("ab", print, SlurmSettings(), tmp_path / "file" / "jobs")


def test_without_slurm_the_missing_command_is_told(command: Command, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="Slurm's sbatch is not on PATH"):
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")


def test_without_submitit_the_way_to_install_it_is_told(
    sbatch: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "submitit", None)
    with pytest.raises(UserError, match=r"pip install 'implicit-bench\[slurm\]'"):
        submit("ab", print, SlurmSettings(), tmp_path / "jobs")


def test_submitit_is_imported_only_to_submit() -> None:
    program = "import sys; import bench.commands.actions.run; print('submitit' in sys.modules)"
    line = [sys.executable, "-c", program]
    done = subprocess.run(line, cwd=CHECKOUT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_pickles_are_kept_in_the_cache_apart_for_each_results_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    one, other = submission_folder(Path("one/mine")), submission_folder(Path("other/mine"))
    assert one != other
    assert one.parent == other.parent == tmp_path / "cache" / "slurm"
    assert one == submission_folder(tmp_path / "one" / "mine")


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
from bench.execution.slurm.submission import _Preemptible

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
