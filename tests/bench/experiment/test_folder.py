"""The folder of an experiment: its name, what a command writes to it, and what it moves aside."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from bench.errors import UserError
from bench.experiment import folder as module
from bench.experiment.folder import (
    default_folder,
    folders_of,
    merged_plan,
    note_in_experiment,
    prepare_folder,
)
from bench.records import read_plan, write_experiment
from tests.support.stored_runs import four_runs, store

pytestmark = pytest.mark.usefixtures("registered")


def test_the_name_of_a_folder_is_made_of_plain_letters() -> None:
    assert default_folder("motion,../x", "quick").name.startswith("motion____x-quick-")


def test_the_folders_of_the_same_experiment_are_found_the_newest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    specs = four_runs()
    for day, chosen in ((1, specs), (2, specs), (3, specs[:1])):
        prepare_folder(Path(f"results/motion-quick-2026010{day}-000000"), chosen, {})
    Path("results/motion-quick-20260104-000000").mkdir()
    found = [folder.name for folder in folders_of(specs, "motion", "quick")]
    assert found == ["motion-quick-20260102-000000", "motion-quick-20260101-000000"]


def test_a_changed_setting_moves_what_it_replaces_aside(tmp_path: Path) -> None:
    specs, changed = four_runs(), four_runs("train.steps=9")
    prepare_folder(tmp_path, specs, {})
    for spec in specs:
        store(tmp_path, spec)
    prepare_folder(tmp_path, changed, {})
    assert set(read_plan(tmp_path).runs) == {spec.run_id for spec in changed}
    assert not list((tmp_path / "runs").iterdir())
    assert len(list((tmp_path / "superseded").iterdir())) == 4


def test_drafts_of_a_command_that_was_killed_are_removed(tmp_path: Path) -> None:
    prepare_folder(tmp_path, four_runs(), {})
    (tmp_path / ".tmp-plan.json-1").write_text("half")
    prepare_folder(tmp_path, four_runs(), {})
    assert not list(tmp_path.glob(".tmp-*"))


def test_the_noise_floor_of_another_machine_is_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def described() -> dict[str, object]:
        return dict(yaml.safe_load((tmp_path / "experiment.yaml").read_text()))

    prepare_folder(tmp_path, four_runs(), {"command_line": "one"})
    note_in_experiment(tmp_path, "noise_floor", {"relative": 0.05})
    prepare_folder(tmp_path, four_runs(), {"command_line": "two"})
    assert described()["noise_floor"] == {"relative": 0.05}
    monkeypatch.setattr(module, "describe_machine", lambda: {"cpu": "another"})
    prepare_folder(tmp_path, four_runs(), {"command_line": "two"})
    assert "noise_floor" not in described()
    earlier = described()["earlier"]
    assert isinstance(earlier, list)
    assert [each["command_line"] for each in earlier] == ["one", "two"]


def test_a_folder_in_other_use_is_refused_and_left_as_it_is(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {"gradients": {}})
    with pytest.raises(UserError, match="holds results of bench gradients"):
        merged_plan(tmp_path, four_runs())
    with pytest.raises(UserError, match="holds results of bench gradients"):
        prepare_folder(tmp_path, four_runs(), {})
    assert yaml.safe_load((tmp_path / "experiment.yaml").read_text()) == {"gradients": {}}


def test_a_full_disk_is_said_in_a_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.replace", full)
    with pytest.raises(UserError, match=r"cannot write .*No space left on device"):
        prepare_folder(tmp_path, four_runs(), {})
