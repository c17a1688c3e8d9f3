"""What is done, failed, stale, damaged, running, queued and missing."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.experiment.claims import Claims
from bench.experiment.folder import prepare_folder
from bench.experiment.identity import identity
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment, RunState, Standing
from tests.support.stored_runs import STARTED, damage, four_runs, store

pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def specs() -> list[RunSpec]:
    return four_runs()


def states(experiment: Experiment) -> list[RunState]:
    return [standing.state for _, standing in experiment]


def test_the_states_of_a_grid(specs: list[RunSpec], tmp_path: Path) -> None:
    done, failed, damaged, _ = specs
    store(tmp_path, done)
    store(tmp_path, failed, status="out_of_memory", message="8 GiB")
    damage(tmp_path, damaged)
    experiment = Experiment.open(tmp_path, specs)
    assert states(experiment) == ["done", "failed", "damaged", "missing"]
    assert experiment[failed.run_id].reason == "out_of_memory: 8 GiB"
    assert damaged.run_id in experiment[damaged.run_id].reason
    assert str(experiment) == "1 done, 1 failed, 1 damaged, 1 missing"
    assert experiment.count(RunState.DONE, RunState.MISSING) == 2
    due = [experiment.is_due(spec.run_id) for spec in specs]
    assert due == [False, False, True, True]
    due = [experiment.is_due(spec.run_id, [RunState.FAILED]) for spec in specs]
    assert due == [False, True, True, True]
    attempts = [experiment.attempt(spec.run_id) for spec in specs]
    assert attempts == [STARTED, STARTED, "", ""]


def test_one_run_is_judged_anew_as_the_whole_grid_is(specs: list[RunSpec], tmp_path: Path) -> None:
    early = Experiment.open(tmp_path, specs)
    store(tmp_path, specs[0])
    store(tmp_path, specs[1], code_version="0123456789ab")
    damage(tmp_path, specs[2])
    claim = Claims(tmp_path).take(specs[3].run_id)
    assert claim is not None
    assert states(early) == ["missing"] * 4
    for spec in specs:
        early.refresh(spec)
    assert states(early) == ["done", "stale", "damaged", "running"]
    assert [*early] == [*Experiment.open(tmp_path, specs)]
    claim.release()
    early.refresh(specs[3])
    assert early[specs[3].run_id] == Standing(RunState.MISSING)


def test_a_claimed_run_is_running_whatever_its_record_says(
    specs: list[RunSpec], tmp_path: Path
) -> None:
    store(tmp_path, specs[0])
    damage(tmp_path, specs[1])
    for spec in specs[:3]:
        assert Claims(tmp_path).take(spec.run_id) is not None
    experiment = Experiment.open(tmp_path, specs)
    assert states(experiment) == ["running", "running", "running", "missing"]
    assert f"process {os.getpid()} on " in experiment[specs[0].run_id].reason
    assert experiment.attempt(specs[0].run_id) == STARTED


def test_what_a_cluster_says_of_its_jobs(specs: list[RunSpec], tmp_path: Path) -> None:
    """A job in the queue counts for more than a record; one that has ended, only without one."""
    queued, running, ended, lost = specs
    store(tmp_path, queued, status="error")
    store(tmp_path, ended)
    jobs = {
        queued.run_id: Standing(RunState.QUEUED, "in the queue as job 7_0"),
        running.run_id: Standing(RunState.RUNNING, "job 7_1"),
        ended.run_id: Standing(RunState.MISSING, "job 7_2 ended"),
        lost.run_id: Standing(RunState.MISSING, "job 7_3 ended without a record"),
    }
    experiment = Experiment.open(tmp_path, specs, jobs)
    assert states(experiment) == ["queued", "running", "done", "missing"]
    assert experiment[queued.run_id].reason == "in the queue as job 7_0"
    assert experiment.attempt(queued.run_id) == STARTED
    assert experiment[ended.run_id].reason == ""
    assert experiment[lost.run_id].reason == "job 7_3 ended without a record"
    assert str(experiment) == "1 done, 1 running, 1 queued, 1 missing"


def test_a_claim_tells_more_than_the_queue(specs: list[RunSpec], tmp_path: Path) -> None:
    tmp_path.joinpath("claims").mkdir()
    assert Claims(tmp_path).take(specs[0].run_id) is not None
    jobs = {spec.run_id: Standing(RunState.QUEUED, "in the queue") for spec in specs[:2]}
    experiment = Experiment.open(tmp_path, specs, jobs)
    assert states(experiment) == ["running", "queued", "missing", "missing"]


def test_a_folder_that_is_not_there_has_made_nothing(specs: list[RunSpec], tmp_path: Path) -> None:
    assert str(Experiment.open(tmp_path / "none", specs)) == "4 missing"
    assert str(Experiment.open(tmp_path / "none", [])) == "no runs"


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"code_version": "0123456789ab"}, "its code changed"),
        ({"device": "cuda"}, "device cuda → cpu"),
        ({"config_hash": "0123456789ab"}, "its settings changed"),
        (
            {"code_version": "", "library_versions": ""},
            "its record does not state the code and library versions",
        ),
        ({"library_versions": "[]"}, "its library versions cannot be read"),
    ],
)
def test_what_makes_a_record_stale(
    specs: list[RunSpec], tmp_path: Path, changes: dict[str, object], reason: str
) -> None:
    store(tmp_path, specs[0], **changes)
    experiment = Experiment.open(tmp_path, specs)
    state, said, row = experiment[specs[0].run_id]
    assert (state, said) == (RunState.STALE, reason)
    assert row is not None
    assert experiment.is_due(specs[0].run_id)


def test_another_version_of_a_library_is_named(specs: list[RunSpec], tmp_path: Path) -> None:
    now = json.loads(str(identity(specs[0])["library_versions"]))
    store(tmp_path, specs[0], library_versions=json.dumps({**now, "torch": "1.0"}))
    said = Experiment.open(tmp_path, specs)[specs[0].run_id].reason
    assert said == f"torch 1.0 → {now['torch']}"


# ------------------------------------------------------------------------ without a grid at hand


def test_all_that_is_planned_is_read_and_nothing_is_stale(
    specs: list[RunSpec], tmp_path: Path
) -> None:
    prepare_folder(tmp_path, specs, {})
    store(tmp_path, specs[0], code_version="0123456789ab")
    store(tmp_path, specs[1], status="diverged", message="the loss was nan")
    damage(tmp_path, specs[2])
    jobs = {specs[3].run_id: Standing(RunState.QUEUED, "in the queue")}
    experiment = Experiment.read(tmp_path, jobs)
    assert list(experiment.specs) == specs
    assert states(experiment) == ["done", "failed", "damaged", "queued"]
    assert states(Experiment.read(tmp_path)) == ["done", "failed", "damaged", "missing"]


def test_a_run_that_is_recorded_but_not_planned_is_told_by_its_record(
    specs: list[RunSpec], tmp_path: Path
) -> None:
    (gradient,) = (spec for spec in specs if spec.method == "jfb" and spec.seed == 1)
    (variational,) = (spec for spec in specs if spec.method == "tv" and spec.seed == 1)
    prepare_folder(tmp_path, [specs[0]], {})
    for spec in (gradient, variational):
        store(tmp_path, spec)
    experiment = Experiment.read(tmp_path)
    assert states(experiment) == ["missing", "done", "done"]
    assert {spec.run_id: spec.title for spec in experiment.specs[1:]} == {
        gradient.run_id: "motion 32 degrad jfb seed 1",
        variational.run_id: "motion 32 tv seed 1",
    }
    assert {spec.seed for spec in experiment.specs[1:]} == {1}


def test_a_damaged_run_that_is_not_planned_is_named_all_the_same(
    specs: list[RunSpec], tmp_path: Path
) -> None:
    prepare_folder(tmp_path, [specs[0]], {})
    damage(tmp_path, specs[1])
    experiment = Experiment.read(tmp_path)
    assert states(experiment) == ["missing", "damaged"]
    assert experiment.specs[1].run_id == specs[1].run_id
    assert experiment.specs[1].place == ("", "", "")
    assert "record.json" in experiment[specs[1].run_id].reason


def test_a_claim_is_read_without_a_grid(specs: list[RunSpec], tmp_path: Path) -> None:
    prepare_folder(tmp_path, specs, {})
    assert Claims(tmp_path).take(specs[0].run_id) is not None
    assert states(Experiment.read(tmp_path)) == ["running", "missing", "missing", "missing"]


def test_what_is_no_results_folder_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"experiment\.yaml"):
        Experiment.read(tmp_path)
