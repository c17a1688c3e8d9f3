"""Repeats of one of a grid's own runs: which run, in which folder, and what is kept there."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.execution.repeats import prepare_repeats, repeats_of
from bench.experiment.folder import folders_of, prepare_folder
from bench.experiment.state import Experiment, RunState
from bench.records import load_results, read_plan
from tests.support.command_line import refusal
from tests.support.stored_runs import four_runs, store

pytestmark = pytest.mark.usefixtures("registered")
SETTINGS = ("train.steps=7",)


def states(parts: tuple[Experiment, Experiment]) -> list[RunState]:
    return [standing.state for part in parts for _, standing in part]


def archived(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "superseded").glob("*"))


def test_the_first_gradient_run_of_the_first_seed_is_repeated() -> None:
    jfb, tv, *second_seed = four_runs()
    repeats = repeats_of([tv, jfb, *second_seed], 3)
    assert [spec.run_id for spec in repeats] == [f"{jfb.run_id}-r{n}" for n in range(3)]
    assert {spec.config_hash for spec in repeats} == {jfb.config_hash}
    # The second seed's JFB is not of the first seed.
    assert repeats_of([tv, *second_seed], 1)[0].run_id == f"{tv.run_id}-r0"
    assert repeats_of([jfb], 0) == []


@pytest.mark.parametrize(("count", "before"), [(2, 1), (3, 2), (4, 2)])
def test_half_of_them_come_before_the_grid(tmp_path: Path, count: int, before: int) -> None:
    repeats = repeats_of(four_runs(), count)
    first, second = prepare_repeats(tmp_path, repeats, {})
    assert (*first.specs, *second.specs) == tuple(repeats)
    assert len(first.specs) == before


def test_what_is_there_and_current_is_kept(tmp_path: Path) -> None:
    repeats, folder = repeats_of(four_runs(), 4), tmp_path / "repeats"
    prepare_repeats(tmp_path, repeats, {})
    store(folder, repeats[0])
    store(folder, repeats[1], code_version="0123456789ab")
    store(folder, repeats[3], status="error")
    done, stale, missing, failed = states(prepare_repeats(tmp_path, repeats, {}))
    assert (done, stale) == (RunState.DONE, RunState.STALE)
    assert (missing, failed) == (RunState.MISSING, RunState.FAILED)
    assert list(read_plan(folder).runs) == [spec.run_id for spec in repeats]
    assert archived(folder) == []


def test_more_are_added_and_those_above_a_smaller_number_are_put_aside(tmp_path: Path) -> None:
    four, folder = repeats_of(four_runs(), 4), tmp_path / "repeats"
    prepare_repeats(tmp_path, four[:2], {})
    for spec in four[:2]:
        store(folder, spec)
    done, missing = RunState.DONE, RunState.MISSING
    assert states(prepare_repeats(tmp_path, four, {})) == [done, done, missing, missing]
    for spec in four[2:]:
        store(folder, spec)
    assert states(prepare_repeats(tmp_path, four[:2], {})) == [done, done]
    assert archived(folder) == [f"{spec.run_id}.1" for spec in four[2:]]


@pytest.mark.parametrize("settings", [(), SETTINGS])
def test_repeats_of_another_run_take_the_place_of_the_earlier_ones(
    tmp_path: Path, settings: tuple[str, ...]
) -> None:
    """Also with other settings, with which no run could be added to a grid."""
    old, folder = repeats_of(four_runs()[:1], 2), tmp_path / "repeats"
    new = repeats_of(four_runs(*settings)[1:2], 2)
    prepare_repeats(tmp_path, old, {})
    store(folder, old[0])
    assert states(prepare_repeats(tmp_path, new, {})) == [RunState.MISSING] * 2
    assert archived(folder) == [f"{old[0].run_id}.1"]
    assert set(read_plan(folder).runs) == {spec.run_id for spec in new}


def test_what_cannot_be_put_aside_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    prepare_repeats(tmp_path, repeats_of(four_runs(), 3), {})
    monkeypatch.setattr("bench.execution.repeats.write_plan", fail)
    with pytest.raises(UserError, match=r"cannot write to .*repeats: No space left"):
        prepare_repeats(tmp_path, repeats_of(four_runs(), 2), {})


def test_they_are_no_part_of_the_grid_nor_an_experiment_to_continue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    specs, folder = four_runs(), Path("results/motion-quick-20260101-000000")
    prepare_folder(folder, specs, {})
    repeats = repeats_of(specs, 2)
    prepare_repeats(folder, repeats, {})
    store(folder, specs[0])
    for spec in repeats:
        store(folder / "repeats", spec)
    assert folders_of(specs, "motion", "quick") == [folder]
    assert folders_of(repeats, "motion", "quick") == []
    assert [spec.run_id for spec in Experiment.read(folder).specs] == [s.run_id for s in specs]
    assert set(load_results(folder).runs["run_id"]) == {specs[0].run_id}
    assert set(load_results(folder / "repeats").runs["run_id"]) == {s.run_id for s in repeats}


def test_a_folder_of_something_else_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiment.yaml").write_text("{}\n")
    (tmp_path / "repeats").mkdir()
    (tmp_path / "repeats" / "diary.txt").write_text("mine")
    arguments = ("--methods", "jfb", "--device", "cpu", "--repeats", "2", "--out", tmp_path)
    assert "repeats is not empty" in refusal(capsys, "run", *arguments)
