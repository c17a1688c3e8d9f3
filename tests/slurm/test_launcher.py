"""`bench run --launcher slurm` on a real Slurm of one node."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from bench.execution.slurm.queue import job_standings
from bench.execution.slurm.submission import log_file_of
from bench.experiment.state import Experiment, RunState
from bench.records import read_record, read_rows
from tests.support.cheap_runs import command, leftovers, run, start, statuses, wait_until
from tests.support.repeatable import repeatable

CHEAP = ("slurm.memory_gib=2", "slurm.minutes=9")
LONG = ("train.steps=4000", "train.evaluate_every=500", "checkpoint_every_seconds=0.2")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(autouse=True)
def empty_queue() -> Iterator[None]:
    yield
    subprocess.run(["scancel", "--user=root"], check=True)


def slurm(results: Path, methods: str, *arguments: str, seeds: int = 1) -> list[str]:
    return command(results, methods, "--launcher", "slurm", *CHEAP, *arguments, seeds=seeds)


def experiment_in(results: Path) -> Experiment:
    return Experiment.read(results, job_standings(results))


def states(results: Path) -> list[str]:
    return sorted(standing.state for _, standing in experiment_in(results))


def same(a: Path, b: Path) -> bool:
    names = [str(row["run_id"]) for row in read_rows(a).rows]
    pairs = [
        [repeatable(read_record(each / "runs" / name), "resumptions") for each in (a, b)]
        for name in names
    ]
    return bool(pairs) and all(one == other for one, other in pairs)


def test_the_parent_leaves_and_the_results_are_those_of_the_local_launcher(tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    assert run(command(here, "cheap", seeds=3)).returncode == 0
    line = slurm(there, "cheap", "slurm.parallelism=1", seeds=3)
    submitted = run(line)
    assert submitted.returncode == 0, submitted.stderr
    assert "submitted 3 runs as job " in submitted.stdout
    assert set(states(there)) <= {"queued", "running", "done"}
    again = run(line)
    assert "runs were already queued or running" in again.stdout
    assert "submitted" not in again.stdout
    wait_until(lambda: states(there) == ["done"] * 3)
    assert same(here, there)
    assert list(leftovers(there)) == []
    assert run(line).stdout.startswith("no run to submit")
    assert not list(there.rglob("*.pkl"))  # a stranger who is given the folder unpickles nothing


def test_failed_and_lost_runs_are_told_and_made_again(tmp_path: Path) -> None:
    line = slurm(tmp_path, "cheap[fault=fail,slow]", "--wait")
    waiting = start(line)
    wait_until(lambda: (tmp_path / "slurm.json").exists() and "running" in states(tmp_path))
    wait_until(lambda: sorted(states(tmp_path)) == ["failed", "running"])
    jobs = json.loads((tmp_path / "slurm.json").read_text())["jobs"]
    (slow,) = [name for name in jobs if "slow" in name]
    subprocess.run(["scancel", jobs[slow]], check=True)
    waiting.communicate()
    assert waiting.returncode == 1
    wait_until(lambda: states(tmp_path) == ["failed", "missing"])
    missing = experiment_in(tmp_path)[slow]
    log = log_file_of(tmp_path, jobs[slow])
    assert missing.state is RunState.MISSING
    assert missing.reason == f"job {jobs[slow]} ended without a record (log: {log})"
    assert list(leftovers(tmp_path)) == []
    done = run([*line, "--retry", "failed"], GO_ON=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert list(statuses(tmp_path).values()) == ["completed"] * 2


@pytest.fixture(scope="module")
def calm(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A long run that was made here and undisturbed."""
    results = tmp_path_factory.mktemp("calm")
    assert run(command(results, "cheap", *LONG, seeds=1)).returncode == 0
    return results


@pytest.mark.parametrize(
    ("partition", "preempt"),
    [
        # as a cluster that puts the job back itself: a job of higher priority needs the whole node
        ("low", "sbatch --exclusive --output=/dev/null --wrap=true"),
        # as one that sends submitit's signal and leaves the rest to the job
        ("main", "scancel --signal=USR2 {job}"),
    ],
)
def test_a_run_that_is_preempted_goes_on_from_its_checkpoint_to_the_same_end(
    partition: str, preempt: str, calm: Path, tmp_path: Path
) -> None:
    wild = tmp_path / "wild"
    where = (f"slurm.partition={partition}", "slurm.minutes=30")
    assert run(slurm(wild, "cheap", *LONG, *where)).returncode == 0
    wait_until(lambda: any((wild / "checkpoints").glob("*.safetensors")))
    (job,) = json.loads((wild / "slurm.json").read_text())["jobs"].values()
    subprocess.run(preempt.format(job=job).split(), check=True)
    wait_until(lambda: states(wild) == ["done"])
    (row,) = read_rows(wild).rows
    assert float(str(row["resumptions"])) >= 1
    assert same(calm, wild)
    assert list(leftovers(wild)) == []


def test_two_commands_submit_every_run_once(tmp_path: Path) -> None:
    made = tmp_path / "made"
    results = tmp_path / "results"
    both = [start(slurm(results, "cheap", seeds=4), MADE=str(made)) for _ in range(2)]
    said = [process.communicate() for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    wait_until(lambda: states(results) == ["done"] * 4)
    assert len(made.read_text().splitlines()) == 4
