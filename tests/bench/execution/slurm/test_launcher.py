"""What is submitted to a cluster, with a Slurm that the test pretends to have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import pytest

from bench.cli import run_command_line
from bench.errors import UserError
from bench.execution.slurm import launcher as slurm_launcher
from bench.execution.slurm import queue
from bench.execution.slurm.jobs_file import read_jobs
from bench.execution.slurm.launcher import Submission, submit_due
from bench.execution.slurm.settings import SlurmSettings
from bench.execution.slurm.submission import log_file_of
from bench.execution.slurm.task import PlannedRun
from bench.experiment.claims import Claims
from bench.experiment.folder import prepare_folder
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment, RunState
from bench.records import read_plan
from tests.support.stored_runs import STARTED, four_runs, store

pytestmark = pytest.mark.usefixtures("registered")
Printed = pytest.CaptureFixture[str]


class Cluster:
    """A queue: the tasks of each submission, and the states of jobs."""

    def __init__(self) -> None:
        self.tasks: list[list[tuple[str, str]]] = []
        self.functions: list[PlannedRun] = []
        self.states: dict[str, RunState | None] = {}
        self.largest, self.most = 1000, 1000  # tasks of an array, and in all

    def submit(
        self, tasks: Sequence[Any], function: Any, settings: SlurmSettings, folder: Path
    ) -> list[str]:
        if len(self.states) + len(tasks) > self.most:
            raise UserError("sbatch rejected the jobs: too many")
        self.tasks.append(list(tasks))
        self.functions.append(function)
        ids = [f"{10 + len(self.tasks)}_{number}" for number in range(len(tasks))]
        self.states |= dict.fromkeys(ids, RunState.QUEUED)
        return ids

    def ask(self, ids: Iterable[str]) -> dict[str, RunState | None]:
        return {each: self.states.get(each, RunState.MISSING) for each in ids}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(slurm_launcher, "submit", made.submit)
    monkeypatch.setattr(slurm_launcher, "largest_array", lambda: made.largest)
    monkeypatch.setattr(slurm_launcher, "job_states", made.ask)  # to wait
    monkeypatch.setattr(queue, "job_states", made.ask)
    return made


@pytest.fixture
def specs() -> list[RunSpec]:
    return four_runs()


def submit(specs: list[RunSpec], folder: Path, *retry: RunState) -> Submission:
    return submit_due(Experiment.open(folder, specs), ["some.module"], retry, SlurmSettings())


def test_what_is_due_is_submitted_once(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    first = submit(specs, tmp_path)
    assert cluster.tasks == [[(spec.run_id, "") for spec in specs]]
    assert read_jobs(tmp_path) == first.new
    assert str(first) == "submitted 4 runs as job 11"
    second = submit(specs, tmp_path)
    assert cluster.tasks[1:] == []
    assert str(second) == "4 runs were already queued or running"
    assert read_jobs(tmp_path) == first.new


def test_a_job_that_was_lost_is_submitted_again_and_a_failed_run_only_on_request(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    submit(specs, tmp_path)
    cluster.states.clear()  # all have ended
    for spec, status in zip(specs, ("completed", "error"), strict=False):
        store(tmp_path, spec, status=status)
    submit(specs, tmp_path)
    assert cluster.tasks[1] == [(spec.run_id, "") for spec in specs[2:]]
    cluster.states.clear()
    submit(specs, tmp_path, RunState.FAILED)
    assert cluster.tasks[2] == [(specs[1].run_id, STARTED), *cluster.tasks[1]]


def test_a_run_that_somebody_makes_is_not_submitted(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    claim = Claims(tmp_path).take(specs[0].run_id)
    assert claim is not None
    submission = submit(specs, tmp_path)
    assert cluster.tasks == [[(spec.run_id, "") for spec in specs[1:]]]
    assert str(submission) == "submitted 3 runs as job 11"


def test_what_is_submitted_and_what_was_before_are_a_line_each(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    submit(specs[:2], tmp_path)
    submission = submit(specs, tmp_path)
    lines = ["submitted 2 runs as job 12", "2 runs were already queued or running"]
    assert str(submission).splitlines() == lines
    assert list(read_jobs(tmp_path)) == [spec.run_id for spec in specs]
    assert str(submit([], tmp_path)) == "no run to submit"


def test_more_runs_than_an_array_may_have_are_several(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    cluster.largest = 3
    submission = submit(specs, tmp_path)
    assert [len(tasks) for tasks in cluster.tasks] == [3, 1]
    assert list(submission.new) == [spec.run_id for spec in specs]
    assert str(submission) == "submitted 4 runs as jobs 11, 12"


def test_arrays_that_were_taken_before_one_was_refused_are_not_forgotten(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    cluster.largest, cluster.most = 2, 3
    with pytest.raises(UserError, match="too many; 2 of 4 runs were already submitted"):
        submit(specs, tmp_path)
    assert list(read_jobs(tmp_path)) == [spec.run_id for spec in specs[:2]]
    cluster.most = 4
    submit(specs, tmp_path)
    assert cluster.tasks == [
        [(spec.run_id, "") for spec in each] for each in (specs[:2], specs[2:])
    ]


def test_a_cluster_that_does_not_answer_gets_nothing(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    submit(specs, tmp_path)
    cluster.states = dict.fromkeys(cluster.states)
    with pytest.raises(UserError, match="squeue does not respond"):
        submit(specs, tmp_path)
    assert len(cluster.tasks) == 1


def test_plugins_are_found_from_any_folder(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").touch()
    experiment = Experiment.open(Path(), specs)
    submit_due(experiment, ["mine.py", "package"], (), SlurmSettings())
    (function,) = cluster.functions
    assert function.plugins == (str(tmp_path / "mine.py"), "package")
    assert function.results == str(tmp_path)


def test_status_tells_jobs(
    specs: list[RunSpec],
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))
    prepare_folder(tmp_path, specs, {})
    submit(specs, tmp_path)
    jobs = read_jobs(tmp_path)
    states = (RunState.QUEUED, RunState.RUNNING, None)
    cluster.states = dict(zip(jobs.values(), states, strict=False))
    log = log_file_of(tmp_path, "11_3")
    log.parent.mkdir(parents=True)
    log.touch()
    names = [spec.run_id for spec in specs]
    assert run_command_line(["status", str(tmp_path), "--all"]) == 0
    *lines, last = capsys.readouterr().out.splitlines()
    assert lines == [
        f"queued   {names[0]} (job 11_0)",
        f"running  {names[1]} (job 11_1)",
        f"missing  {names[2]} (squeue does not respond (job 11_2))",
        f"missing  {names[3]} (job 11_3 ended without a record (log: {log}))",
    ]
    assert last.endswith("4 runs: 1 running, 1 queued, 2 missing")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["slurm.gpus=1"], "slurm.gpus=1 works only with --launcher slurm"),
        (["--wait"], "--wait works only with --launcher slurm"),
        (["--launcher", "slurm", "--jobs", "2"], "use slurm.parallelism instead"),
        (["--launcher", "slurm", "slurm.gpu=1"], "did you mean 'slurm.gpus'?"),
        (["--launcher", "slurm", "slurm.gpus=many"], "slurm.gpus: 'many' is not an int"),
        (["--launcher", "slurm", "slurm.gpus=1.5"], "slurm.gpus: '1.5' is not an int"),
        (["--launcher", "slurm", "slurm.memory_gib=x"], "slurm.memory_gib: 'x' is not a float"),
        (["--launcher", "slurm", "slurm.gpus=1,2"], "only one value is allowed here"),
        (["--launcher", "slurm", "slurm.gpus=-1"], "slurm.gpus=-1: must be at least 0"),
        (["--launcher", "slurm", "--device", "cuda"], "set slurm.gpus=1"),
        (["--launcher", "slurm", "--device", "cuda:1"], "unknown device for Slurm jobs"),
        (["--launcher", "slrum"], "invalid choice"),
    ],
)
def test_mistakes_are_one_line(
    arguments: list[str], expected: str, tmp_path: Path, capsys: Printed
) -> None:
    assert run_command_line(["run", "--out", str(tmp_path / "new"), *arguments]) == 2
    error = capsys.readouterr().err
    assert expected in error
    assert error.count("\n") == 1
    assert not (tmp_path / "new").exists()


def test_the_gpus_of_the_jobs_decide_the_device(
    cluster: Cluster, tmp_path: Path, capsys: Printed
) -> None:
    line = [
        "run",
        "--launcher",
        "slurm",
        "--methods",
        "jfb",
        "--seeds",
        "2",
        "--out",
        str(tmp_path / "on-gpu"),
    ]
    assert run_command_line([*line, "slurm.gpus=1"]) == 0
    plan = json.loads((tmp_path / "on-gpu" / "plan.json").read_text())
    assert "submitted 2 runs" in capsys.readouterr().out
    assert len(plan["runs"]) == 2
    assert "device: cuda" in (tmp_path / "on-gpu" / "experiment.yaml").read_text()


@pytest.fixture
def waiting(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command that waits for two runs, in which no time passes."""
    monkeypatch.setattr(slurm_launcher, "POLL_SECONDS", 0.0)
    words = ["--methods", "jfb", "--seeds", "2", "--no-report", "--out", str(tmp_path / "results")]
    return ["run", "--launcher", "slurm", "--wait", *words]


@pytest.mark.parametrize(("status", "failed"), [("error", True), ("completed", False)])
def test_waiting_tells_failed_and_lost_runs(
    status: str,
    failed: bool,
    waiting: list[str],
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    def end(ids: Iterable[str]) -> dict[str, RunState | None]:
        """The first run has a record and the second is lost, when they are asked for."""
        if cluster.states:
            cluster.states.clear()
            run_id = next(iter(read_jobs(tmp_path / "results")))
            config = read_plan(tmp_path / "results").config(run_id)
            store(tmp_path / "results", RunSpec(run_id, dict(config), "jfb"), status=status)
        return cluster.ask(ids)

    monkeypatch.setattr(slurm_launcher, "job_states", end)
    assert run_command_line(waiting) == 1
    said = capsys.readouterr().err
    assert ("1 run failed; its record says why" in said) is failed
    assert "1 run has no record; python -m bench status" in said


def test_an_interrupt_while_waiting_leaves_the_jobs(
    waiting: list[str],
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    def interrupt(ids: Iterable[str]) -> NoReturn:
        raise KeyboardInterrupt

    monkeypatch.setattr(slurm_launcher, "job_states", interrupt)
    assert run_command_line(waiting) == 130
    assert "the jobs stay in the queue" in capsys.readouterr().err
    assert len(read_jobs(tmp_path / "results")) == 2


def test_a_dry_run_does_not_count_what_is_in_the_queue(
    cluster: Cluster, tmp_path: Path, capsys: Printed
) -> None:
    line = [
        "run",
        "--launcher",
        "slurm",
        "--methods",
        "jfb",
        "--seeds",
        "2",
        "--out",
        str(tmp_path / "results"),
    ]
    assert run_command_line(line) == 0
    cluster.states["11_1"] = RunState.MISSING  # it has ended
    capsys.readouterr()
    assert run_command_line([*line, "--dry-run"]) == 0
    first, second, last = capsys.readouterr().out.splitlines()
    assert first.startswith("queued  ")
    assert first.endswith("(in the queue as job 11_0)")
    assert second.startswith("missing ")
    assert last.endswith("2 runs: 1 queued, 1 missing; 1 to run")
    assert len(cluster.tasks) == 1
