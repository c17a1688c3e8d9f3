"""`bench run --dry-run`: what would be made, in which folder, and nothing is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.execution.repeats import prepare_repeats, repeats_of
from bench.experiment.folder import prepare_folder
from tests.support.stored_runs import four_runs, store

pytestmark = pytest.mark.usefixtures("registered")
Printed = pytest.CaptureFixture[str]


def dry_run(printed: Printed, folder: Path | None, *arguments: str) -> list[str]:
    out = ["--out", str(folder)] if folder else []
    grid = ["--methods", "jfb,tv", "--sizes", "32", "--seeds", "2", "--device", "cpu"]
    assert run_command_line(["run", *grid, *out, "--dry-run", *arguments]) == 0
    return printed.readouterr().out.splitlines()


def test_a_dry_run_says_the_plan_and_touches_nothing(tmp_path: Path, capsys: Printed) -> None:
    folder, specs = tmp_path / "results", four_runs()
    *lines, last = dry_run(capsys, folder)
    assert lines == [f"missing {spec.run_id}" for spec in specs]
    assert last == f"{folder}: 4 runs: 4 missing; 4 to run"
    assert not folder.exists()
    prepare_folder(folder, specs, {})
    store(folder, specs[0])
    store(folder, specs[1], status="diverged", message="the loss was nan")
    store(folder, specs[2], code_version="0123456789ab")
    before = sorted(folder.rglob("*"))
    *lines, last = dry_run(capsys, folder)
    assert lines[1] == f"failed  {specs[1].run_id} (diverged: the loss was nan)"
    assert lines[2] == f"stale   {specs[2].run_id} (its code changed)"
    assert last.endswith("4 runs: 1 done, 1 failed, 1 stale, 1 missing; 2 to run")
    assert dry_run(capsys, folder, "--retry", "failed")[-1].endswith("3 to run")
    assert sorted(folder.rglob("*")) == before


def test_repeats_are_listed_after_the_grid(tmp_path: Path, capsys: Printed) -> None:
    folder, specs = tmp_path / "results", four_runs()
    lines = dry_run(capsys, folder, "--repeats", "3")
    assert lines[4] == f"{folder}: 4 runs: 4 missing; 4 to run"
    assert lines[5:8] == [f"missing {specs[0].run_id}-r{number}" for number in range(3)]
    assert lines[8] == f"{folder}/repeats: 3 runs: 3 missing; 3 to run"
    assert not folder.exists()


def test_a_folder_that_lacks_only_repeats_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    specs, folder = four_runs(), Path("results/motion-quick-20260101-000000")
    prepare_folder(folder, specs, {})
    for spec in specs:
        store(folder, spec)
    prepare_repeats(folder, repeats_of(specs, 2), {})
    store(folder / "repeats", repeats_of(specs, 2)[0])
    assert not dry_run(capsys, None)[-1].startswith(str(folder))
    last = dry_run(capsys, None, "--repeats", "2")[-1]
    assert last == f"{folder}/repeats: 2 runs: 1 done, 1 missing; 1 to run"


def test_without_a_folder_the_newest_that_lacks_a_run_is_continued(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    monkeypatch.chdir(tmp_path)
    specs = four_runs()
    assert "results/motion-quick-2" in dry_run(capsys, None)[-1]
    for name, count in (("20260101-000000", 2), ("20260102-000000", 4)):
        folder = Path(f"results/motion-quick-{name}")
        prepare_folder(folder, specs, {})
        for spec in specs[:count]:
            store(folder, spec)
    # The newest has all its runs: the experiment is made anew.
    assert "20260102" not in dry_run(capsys, None)[-1]
    (Path("results/motion-quick-20260102-000000/runs") / specs[3].run_id).rename("elsewhere")
    assert dry_run(capsys, None)[-1].startswith("results/motion-quick-20260102-000000: 4 runs")
