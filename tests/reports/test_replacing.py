"""A new report replaces the old one when it is complete; an interrupted one leaves no trace."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from bench.errors import UserError
from reports import page
from reports.figures import draw as drawing
from reports.folder import DRAFT, OLD, new_report
from reports.report import write_report
from tests.support import records as factories

NAMES = ("index.html", "summary.csv")


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FIGURES", "POOLED_FIGURES"):  # what is drawn does not matter here
        monkeypatch.setattr(drawing, name, ())
    return factories.write_results(tmp_path / "results", seeds=1)


def contents(folder: Path) -> dict[str, bytes]:
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def leftovers(results: Path) -> list[str]:
    return [name for name in os.listdir(results) if name.startswith(DRAFT)]


@pytest.mark.parametrize("error", [KeyboardInterrupt, OSError("no space left"), ValueError("page")])
def test_a_report_that_fails_leaves_the_old_one_whole(
    results: Path, error: BaseException | type[BaseException], monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = write_report(results).folder
    before = contents(folder)

    def fail(*_: object) -> None:
        raise error

    with monkeypatch.context() as patched:
        patched.setattr(page, "html", fail)  # the last thing that is written
        with pytest.raises((UserError, KeyboardInterrupt, ValueError)):
            write_report(results, target="psnr=30")
    assert contents(folder) == before
    assert leftovers(results) == []
    write_report(results, target="psnr=30")
    assert contents(folder).keys() == before.keys()
    assert contents(folder) != before


KILLED = """
import os, signal, sys
from pathlib import Path
from reports.folder import new_report
with new_report(Path(sys.argv[1]), ("index.html", "summary.csv")) as draft:
    (draft / "index.html").write_text("half")
    print("writing", flush=True)
    signal.pause()
"""


def killed_while_writing(results: Path) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", KILLED, str(results)], stdout=subprocess.PIPE, text=True
    )
    try:
        assert process.stdout is not None
        assert process.stdout.readline() == "writing\n"
        (draft,) = leftovers(results)
        with new_report(results, NAMES):  # another report meanwhile leaves it alone
            assert (results / draft / "index.html").read_text() == "half"
    finally:
        process.kill()
        process.communicate()


def test_what_a_killed_report_leaves_is_removed_by_the_next(results: Path) -> None:
    with new_report(results, NAMES) as draft:
        (draft / "index.html").write_text("old")
    killed_while_writing(results)
    (left,) = leftovers(results)
    assert (results / left / "index.html").read_text() == "half"
    with new_report(results, NAMES):
        assert not (results / left).exists()
    assert leftovers(results) == []


@pytest.mark.parametrize("is_there", [True, False], ids=["swapped", "half way"])
def test_a_report_interrupted_while_it_was_swapped_is_finished(
    results: Path, is_there: bool
) -> None:
    old = results / f"{DRAFT}01234567{OLD}"
    (old / "figures").mkdir(parents=True)
    (old / "tables").mkdir()
    written = ("index.html", "figures/gallery.png", "figures/ranks.csv", "tables/summary.tex")
    written += ("figures/ranks.pdf", "figures/ranks.txt")
    for name in (*written, "notes.txt", "figures/mine.txt"):
        (old / name).write_text("old")
    if is_there:
        (results / "report" / "figures").mkdir(parents=True)
        (results / "report" / "index.html").write_text("new")
    with new_report(results, NAMES):
        index = "new" if is_there else "old"
        assert (results / "report" / "index.html").read_text() == index
        assert (results / "report" / "notes.txt").read_text() == "old"
    assert contents(results / "report") == {"notes.txt": b"old", "figures/mine.txt": b"old"}
    assert leftovers(results) == []


def test_a_failing_rename_puts_the_old_report_back(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = contents(write_report(results).folder)
    rename = os.rename

    def fail_for_the_new_one(source: Path, target: Path) -> None:
        if Path(target).name == "report" and not Path(source).name.endswith(OLD):
            raise OSError(28, "No space left on device")
        rename(source, target)

    monkeypatch.setattr(os, "rename", fail_for_the_new_one)
    with pytest.raises(UserError, match="No space left on device"):
        write_report(results)
    assert contents(results / "report") == before
    assert leftovers(results) == []


def test_names_like_those_of_drafts_are_not_followed_or_removed(
    results: Path, tmp_path: Path
) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "mine").write_text("mine")
    for name in (f"{DRAFT}01234567", f"{DRAFT}01234568{OLD}"):
        (results / name).symlink_to(outside)
    (results / f"{DRAFT}of-mine").mkdir()
    (results / f"{DRAFT}0123456f").write_text("mine")
    kept = sorted(leftovers(results))
    write_report(results)
    assert sorted(leftovers(results)) == kept
    assert contents(outside) == {"mine": b"mine"}


@pytest.mark.parametrize("name", ["summary.csv", "figures/gallery.png"])
def test_a_folder_in_place_of_a_file_is_named(results: Path, name: str) -> None:
    (results / "report" / name).mkdir(parents=True)
    with pytest.raises(UserError, match=f"{Path(name).name} is a folder"):
        write_report(results)
    assert leftovers(results) == []
