"""The folder of a report, written beside the old one until it is complete.

Nothing is written, read or removed through what a stranger left: links are refused or moved aside.
"""

from __future__ import annotations

import fcntl
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reports.csv_file import write_csv as write_csv

REPORT, FIGURES, LATEX, PARQUET = "report", "figures", "tables", "records"
# What a report writes into its folders, by suffix; a text is its own beside a figure only.
WRITTEN = {
    FIGURES: (".png", ".pdf", ".csv", ".txt"),
    LATEX: (".tex",),
    PARQUET: (".parquet",),
}
DRAFT, OLD = ".report-", ".old"  # of a report that is being written, and of the one it replaces
_DRAFT = re.compile(re.escape(DRAFT) + r"[0-9a-f]{8}")


@contextmanager
def new_report(results: Path, names: Collection[str]) -> Iterator[Path]:
    """Yield a folder, with `figures/` in it, that becomes `report/` when the block has ended well.

    Until then the old report stays whole; an error, or a killed process, loses the new one only.
    Of the old one, files of these `names` and what is WRITTEN are removed and all else is kept.
    Raises OSError if that cannot be done, as where `report/` is a link.
    """
    with _locked(results):
        _settle(results, names)
        _check(results / REPORT, names)
        draft = results / f"{DRAFT}{secrets.token_hex(4)}"
        (draft / FIGURES).mkdir(parents=True)
        mark = _hold(draft)
    try:
        yield draft
        with _locked(results):
            _check(results / REPORT, names)
            _replace(results / REPORT, draft, names)
    finally:
        shutil.rmtree(draft, ignore_errors=True)
        os.close(mark)


def _replace(folder: Path, draft: Path, names: Collection[str]) -> None:
    """Put the draft in the place of the folder, which is put back if that fails."""
    old = draft.with_name(draft.name + OLD)
    if folder.exists():
        os.rename(folder, old)
    try:
        os.rename(draft, folder)
    except BaseException:
        if old.exists():
            os.rename(old, folder)
        raise
    _discard(old, folder, names)


def _discard(old: Path, folder: Path, names: Collection[str]) -> None:
    """Remove a report that was replaced; what a user has put into it moves to the new one."""
    if not old.exists():
        return
    for name in sorted(set(os.listdir(old)) - {*names, *WRITTEN}):
        _move(old / name, folder / name)
    for inner in WRITTEN:
        if (old / inner).is_symlink() or not (old / inner).is_dir():
            continue
        for name in sorted({*os.listdir(old / inner)} - {*_written(old, inner)}):
            (folder / inner).mkdir(exist_ok=True)
            _move(old / inner / name, folder / inner / name)
    shutil.rmtree(old, ignore_errors=True)


def _move(source: Path, target: Path) -> None:
    if not os.path.lexists(target):
        os.rename(source, target)


def _settle(results: Path, names: Collection[str]) -> None:
    """Finish what an interrupted report has left: its draft goes, the old report comes back."""
    folder = results / REPORT
    left = [entry.name for entry in os.scandir(results) if entry.is_dir(follow_symlinks=False)]
    for name in sorted(left):
        if _DRAFT.fullmatch(name.removesuffix(OLD)) is None:
            continue
        if not name.endswith(OLD):
            _remove_unless_held(results / name)
        elif os.path.lexists(folder):
            _discard(results / name, folder, names)
        else:
            os.rename(results / name, folder)


def _check(folder: Path, names: Collection[str]) -> None:
    """Raise OSError for a link in place of a folder, and for a folder in place of a file."""
    for each in (folder, *(folder / inner for inner in WRITTEN)):
        if each.is_symlink():
            raise OSError(None, f"{each.name} is a symbolic link, which is not followed")
        if os.path.lexists(each) and not each.is_dir():
            raise OSError(None, f"{each.name} is not a folder")
    own = [folder / inner / name for inner in WRITTEN for name in _written(folder, inner)]
    for path in (*(folder / name for name in names), *own):
        if path.is_dir() and not path.is_symlink():
            raise OSError(None, f"{path.name} is a folder, and in the way of a file")


def _written(folder: Path, inner: str) -> list[str]:
    """Return what a report has written into a folder of its own, by suffix."""
    there = sorted(os.listdir(folder / inner)) if (folder / inner).is_dir() else []
    own = [name for name in there if name.endswith(WRITTEN[inner])]
    return [n for n in own if not n.endswith(".txt") or n.removesuffix(".txt") + ".pdf" in own]


# ----------------------------------------------------------------------------- who is writing it


@contextmanager
def _locked(results: Path) -> Iterator[None]:
    """Let one report at a time begin, or take its place; the system frees a dead process's lock."""
    folder = os.open(results, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with suppress(OSError):  # a file system without locks: reports at a time are rare
            fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def _hold(draft: Path) -> int:
    """Mark a draft as being written, for as long as the returned descriptor is open."""
    mark = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    with suppress(OSError):
        fcntl.flock(mark, fcntl.LOCK_EX)
    return mark


def _remove_unless_held(draft: Path) -> None:
    """Remove a draft whose process is dead; one that another process is writing is left alone."""
    with suppress(OSError):  # held, already gone, or on a file system without locks
        mark = os.open(draft, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
        try:
            fcntl.flock(mark, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(draft, ignore_errors=True)
        finally:
            os.close(mark)
