"""What is submitted to a cluster, with a Slurm that the test pretends to have."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from bench.execution.slurm.cluster import PlannedRun, SlurmSettings, log_file_of

from bench.cli import run_command_line
from bench.config.overrides import compose_section
from bench.errors import UserError
from bench.execution.slurm import launcher as slurm_launcher
from bench.execution.slurm.jobs_file import read_jobs, write_jobs
from bench.execution.slurm.launcher import Submission, submit_due
from bench.experiment import status
from bench.experiment.folder import prepare_folder
from bench.experiment.grid import GridRequest, RunSpec, build_grid
from bench.experiment.identity import identity
from bench.experiment.state import State, states_of
from bench.records import RunRecord, read_plan, write_record

pytestmark = pytest.mark.usefixtures("registered")
Printed = pytest.CaptureFixture[str]


class Cluster:
    """A queue: the tasks of each submission, and the states of jobs."""

    def __init__(self) -> None:
        self.tasks: list[list[tuple[str, str]]] = []
        self.functions: list[PlannedRun] = []
        self.states: dict[str, str] = {}
        self.largest, self.most = 1000, 1000  # tasks of an array, and in all

    def submit(
        self, tasks: Sequence[Any], function: Any, settings: SlurmSettings, folder: Path
    ) -> list[str]:
        if len(self.states) + len(tasks) > self.most:
            raise UserError("sbatch refuses the jobs: too many")
        self.tasks.append(list(tasks))
        self.functions.append(function)
        ids = [f"{10 + len(self.tasks)}_{number}" for number in range(len(tasks))]
        self.states |= dict.fromkeys(ids, "queued")
        return ids

    def ask(self, ids: Iterable[str]) -> dict[str, str]:
        return {each: self.states.get(each, "ended") for each in ids}


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Cluster:
    made = Cluster()
    monkeypatch.setattr(slurm_launcher, "submit", made.submit)
    monkeypatch.setattr(slurm_launcher, "states", made.ask)
    monkeypatch.setattr(slurm_launcher, "largest_array", lambda: made.largest)
    monkeypatch.setattr(status, "states", made.ask)
    return made


@pytest.fixture
def specs() -> list[RunSpec]:
    return build_grid(GridRequest("jfb,tv", sizes="32", seeds="2", device="cpu"))


def submit(specs: list[RunSpec], folder: Path, *retry: State) -> Submission:
    return submit_due(states_of(specs, folder), folder, ["some.module"], retry, SlurmSettings())


def test_what_is_due_is_submitted_once(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    first = submit(specs, tmp_path)
    assert cluster.tasks == [[(spec.run_id, "") for spec in specs]]
    assert read_jobs(tmp_path) == first.new
    assert first.said() == ["submitted 4 runs as job 11"]
    second = submit(specs, tmp_path)
    assert cluster.tasks[1:] == []
    assert second.said() == ["4 runs were queued or running already"]
    assert read_jobs(tmp_path) == first.new


def test_a_job_that_was_lost_is_submitted_again_and_a_failed_run_only_on_request(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    submit(specs, tmp_path)
    cluster.states.clear()  # all have ended
    for spec, state in zip(specs, ("completed", "error"), strict=False):
        row = identity(spec.run_id, spec.config, spec.config_hash)
        write_record(tmp_path, RunRecord({**row, "status": state, "started_at": "then"}))
    submit(specs, tmp_path)
    assert cluster.tasks[1] == [(spec.run_id, "") for spec in specs[2:]]
    cluster.states.clear()
    submit(specs, tmp_path, State.FAILED)
    assert cluster.tasks[2] == [(specs[1].run_id, "then"), *cluster.tasks[1]]


def test_more_runs_than_an_array_may_have_are_several(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path
) -> None:
    cluster.largest = 3
    submission = submit(specs, tmp_path)
    assert [len(tasks) for tasks in cluster.tasks] == [3, 1]
    assert list(submission.new) == [spec.run_id for spec in specs]
    assert submission.said() == ["submitted 4 runs as jobs 11, 12"]


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
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    submit(specs, tmp_path)
    monkeypatch.setattr(slurm_launcher, "states", lambda ids: dict.fromkeys(ids, "unknown"))
    with pytest.raises(UserError, match="squeue does not respond"):
        submit(specs, tmp_path)
    assert len(cluster.tasks) == 1


def test_plugins_are_found_from_any_folder(
    specs: list[RunSpec], cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("mine.py").touch()
    submit_due(states_of(specs, tmp_path), Path(), ["mine.py", "package"], (), SlurmSettings())
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
    cluster.states = dict(zip(jobs.values(), ("queued", "running", "unknown"), strict=False))
    found = {each.run_id: (each.state, each.note) for each in status.read_status(tmp_path)}
    assert list(found.values()) == [
        ("queued", "job 11_0"),
        ("running", "job 11_1"),
        ("missing", "squeue does not respond (job 11_2)"),
        ("missing", "job 11_3 ended without a record"),
    ]
    assert run_command_line(["status", str(tmp_path)]) == 0
    assert "1 running, 1 queued, 2 missing" in capsys.readouterr().out
    log = log_file_of(tmp_path, "11_3")
    log.parent.mkdir(parents=True)
    log.touch()
    last = status.read_status(tmp_path)[-1]
    assert last.note == f"job 11_3 ended without a record (log: {log})"


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "\xff", '{"jobs": [1]}', '{"jobs": {"a": "1; rm"}}', '{"jobs": {"a": 1}}'),
        *('{"jobs": {"a": "_1"}}', '{"jobs": {"a": "1_"}}', '{"jobs": {"a": "1\\n"}}'),
    ],
)
def test_a_strangers_jobs_are_refused_by_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "slurm.json").write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=r"slurm\.json"):
        read_jobs(tmp_path)


def test_jobs_round_trip(tmp_path: Path) -> None:
    assert read_jobs(tmp_path) == {}
    write_jobs(tmp_path, {"a": "12_3", "b": "14"})
    assert read_jobs(tmp_path) == {"a": "12_3", "b": "14"}
    assert json.loads((tmp_path / "slurm.json").read_text())["jobs"]["a"] == "12_3"


def test_settings_have_types_and_the_last_wins() -> None:
    given = ["slurm.gpus=1", "slurm.partition=long", "slurm.memory_gib=0.5", "slurm.gpus=2"]
    settings = compose_section(SlurmSettings, "slurm", given)
    assert settings == SlurmSettings(partition="long", gpus=2, memory_gib=0.5)


@pytest.mark.parametrize(
    ("written", "text"),
    [("007", "007"), ("yes", "yes"), ("1e3", "1e3"), ("'a,b'", "a,b"), ('"a100&ib"', "a100&ib")],
)
def test_names_are_taken_as_written(written: str, text: str) -> None:
    settings = compose_section(SlurmSettings, "slurm", [f"slurm.account={written}"])
    assert settings.account == text


def test_a_run_ends_before_its_job_does() -> None:
    assert SlurmSettings(minutes=240).seconds_of_a_run == 240 * 60 - 120
    # Slurm tells a job up to 90 s before its end.
    assert 0 < SlurmSettings(minutes=2).seconds_of_a_run <= 2 * 60 - 90
    assert 0 < SlurmSettings(minutes=3).seconds_of_a_run <= 3 * 60 - 90


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
    line = ["run", "--launcher", "slurm", "--methods", "jfb", "--out", str(tmp_path / "on-gpu")]
    assert run_command_line([*line, "slurm.gpus=1"]) == 0
    plan = json.loads((tmp_path / "on-gpu" / "plan.json").read_text())
    assert "submitted 2 runs" in capsys.readouterr().out
    assert len(plan["runs"]) == 2
    assert "device: cuda" in (tmp_path / "on-gpu" / "experiment.yaml").read_text()


@pytest.fixture
def waiting(cluster: Cluster, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command that waits for two runs, in which no time passes."""
    monkeypatch.setattr(slurm_launcher, "POLL_SECONDS", 0.0)
    words = ["--methods", "jfb", "--no-report", "--out", str(tmp_path / "results")]
    return ["run", "--launcher", "slurm", "--wait", *words]


@pytest.mark.parametrize(("state", "failed"), [("error", True), ("completed", False)])
def test_waiting_tells_failed_and_lost_runs(
    state: str,
    failed: bool,
    waiting: list[str],
    cluster: Cluster,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Printed,
) -> None:
    def end(ids: Iterable[str]) -> dict[str, str]:
        """The first run has a record and the second is lost, when they are asked for."""
        if cluster.states:
            cluster.states.clear()
            run_id = next(iter(read_jobs(tmp_path / "results")))
            config = read_plan(tmp_path / "results").config(run_id)
            spec = RunSpec(run_id, dict(config), "jfb")
            row = identity(run_id, spec.config, spec.config_hash)
            write_record(tmp_path / "results", RunRecord({**row, "status": state}))
        return cluster.ask(ids)

    monkeypatch.setattr(slurm_launcher, "states", end)
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
    def interrupt(ids: Iterable[str]) -> dict[str, str]:
        if cluster.states:
            raise KeyboardInterrupt
        return {}

    monkeypatch.setattr(slurm_launcher, "states", interrupt)
    assert run_command_line(waiting) == 130
    assert "the jobs stay in the queue" in capsys.readouterr().err
    assert len(read_jobs(tmp_path / "results")) == 2


def test_a_dry_run_does_not_count_what_is_in_the_queue(
    cluster: Cluster, tmp_path: Path, capsys: Printed
) -> None:
    line = ["run", "--launcher", "slurm", "--methods", "jfb", "--out", str(tmp_path / "results")]
    assert run_command_line(line) == 0
    cluster.states["11_1"] = "ended"
    capsys.readouterr()
    assert run_command_line([*line, "--dry-run"]) == 0
    said = capsys.readouterr().out.splitlines()
    assert said[0].endswith("(in the queue as job 11_0)")
    assert said[-1].endswith("2 missing; 1 to run")
    assert len(cluster.tasks) == 1
