"""Inside a results folder nothing leads outside: it is refused before anything is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.execution.repeats import prepare_repeats, repeats_of
from bench.execution.slurm.task import make_planned_run
from bench.experiment.folder import claim_folder, merged_plan, prepare_folder
from bench.experiment.layout import FILES, FOLDERS, WITH_FILES, check_layout
from bench.experiment.state import Experiment
from tests.support.stored_runs import four_runs, store
from tests.support.strange_places import PLACES

pytestmark = [pytest.mark.usefixtures("registered"), pytest.mark.timeout(30)]


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder with a record, and a folder outside that links lead to."""
    folder = tmp_path / "results"
    specs = four_runs()
    prepare_folder(folder, specs, {})
    store(folder, specs[0])
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious").write_text("precious")
    return folder


def replaced(path: Path) -> Path:
    """The path, free for something else."""
    if path.exists():
        path.rename(path.parent.parent / f"was-{path.name}")
    return path


def test_a_folder_as_it_was_made_is_accepted_and_a_link_to_it_too(results: Path) -> None:
    check_layout(results)
    (results.parent / "link").symlink_to(results)
    check_layout(results.parent / "link")
    check_layout(results.parent / "missing")


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("name", FOLDERS)
def test_what_is_in_the_place_of_a_folder_is_refused(results: Path, name: str, place: str) -> None:
    PLACES[place](replaced(results / name))
    with pytest.raises(UserError, match=rf"{name} is a .*, not a folder: remove it"):
        check_layout(results)


@pytest.mark.parametrize("place", [place for place in PLACES if place != "a file"])
@pytest.mark.parametrize("name", FILES)
def test_what_is_in_the_place_of_a_file_is_refused(results: Path, name: str, place: str) -> None:
    PLACES[place](replaced(results / name))
    with pytest.raises(UserError, match=rf"{name} is a .*, not a file: remove it"):
        check_layout(results)


@pytest.mark.parametrize("place", ["a pipe", "a socket", "a link to a file", "a link to nowhere"])
@pytest.mark.parametrize("name", WITH_FILES)
def test_what_is_in_the_place_of_a_file_of_a_run_is_refused(
    results: Path, name: str, place: str
) -> None:
    (results / name).mkdir()
    PLACES[place](results / name / "run")
    with pytest.raises(UserError, match=rf"{name}/run is a .*, not a file: remove it"):
        check_layout(results)


@pytest.mark.parametrize("name", [*FOLDERS, "claims/run", ".lock"])
def test_nothing_is_done_in_such_a_folder(results: Path, name: str) -> None:
    specs, outside = four_runs(), results.parent / "outside"
    (results / name).parent.mkdir(exist_ok=True)
    replaced(results / name).symlink_to(outside)
    kept = sorted(outside.iterdir())
    for act in (
        lambda: merged_plan(results, specs),
        lambda: prepare_folder(results, specs, {}),
        lambda: claim_folder(results, "", {}, {}),
        lambda: Experiment.open(results, specs),
        lambda: Experiment.read(results),
        lambda: make_planned_run(results, specs[0].run_id),
    ):
        with pytest.raises(UserError, match="is a symbolic link, not a f"):
            act()
    assert sorted(outside.iterdir()) == kept


def test_repeats_are_judged_before_they_are_put_in_order(results: Path) -> None:
    specs = four_runs()
    prepare_repeats(results, repeats_of(specs, 4), {})
    outside = results.parent / "outside"
    (results / "repeats" / "superseded").symlink_to(outside)
    for spec in repeats_of(specs, 4):
        store(results / "repeats", spec)
    with pytest.raises(UserError, match="superseded is a symbolic link"):
        prepare_repeats(results, repeats_of(specs, 2), {})
    assert [path.name for path in outside.iterdir()] == ["precious"]


def test_a_folder_that_holds_no_experiment_is_not_judged(tmp_path: Path) -> None:
    (tmp_path / "logs").symlink_to("/")
    check_layout(tmp_path)
    with pytest.raises(UserError, match="is not a results folder"):
        merged_plan(tmp_path, four_runs())
