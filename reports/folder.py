"""The folder of a report, written beside the old one until it is complete, and its CSV files.

Nothing is written, read or removed through what a stranger left: links are refused or moved aside.
"""

from __future__ import annotations

import csv
import fcntl
import math
import os
import re
import secrets
import shutil
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from reports.format import printable_lines

REPORT, FIGURES = "report", "figures"
DRAFT, OLD = ".report-", ".old"  # of a report that is being written, and of the one it replaces
# A spreadsheet takes text that begins so for a formula, and would run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DRAFT = re.compile(re.escape(DRAFT) + r"[0-9a-f]{8}")


@contextmanager
def new_report(results: Path, names: Collection[str]) -> Iterator[Path]:
    """Yield a folder, with `figures/` in it, that becomes `report/` when the block has ended well.

    Until then the old report stays whole; an error, or a killed process, loses the new one only.
    Of the old one, files of these `names` and figures are removed and all else is kept. Raises
    OSError if that cannot be done, as where `report/` is a link.
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
    for name in sorted(set(os.listdir(old)) - {*names, FIGURES}):
        _move(old / name, folder / name)
    figures = old / FIGURES
    if figures.is_dir() and not figures.is_symlink():
        for name in sorted(os.listdir(figures)):
            if not _is_figure(name):
                _move(figures / name, folder / FIGURES / name)
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
    for each in (folder, folder / FIGURES):
        if each.is_symlink():
            raise OSError(None, f"{each.name} is a symbolic link, which is not followed")
        if os.path.lexists(each) and not each.is_dir():
            raise OSError(None, f"{each.name} is not a folder")
    figures = [folder / FIGURES / name for name in _listed(folder / FIGURES) if _is_figure(name)]
    for path in (*(folder / name for name in names), *figures):
        if path.is_dir() and not path.is_symlink():
            raise OSError(None, f"{path.name} is a folder, and in the way of a file")


def _listed(folder: Path) -> list[str]:
    return sorted(os.listdir(folder)) if folder.is_dir() else []


def _is_figure(name: str) -> bool:
    return name.endswith((".png", ".pdf"))


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


# ----------------------------------------------------------------------------------------- tables


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table; text that a spreadsheet would run as a formula gets an apostrophe before it.

    Of text, line breaks and tabs are kept, and control characters become `?`; numbers stay as they
    are. Raises OSError if the file cannot be written.
    """
    columns = [_written(table[name]) for name in table.columns]
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(",".join(_fields(table.columns)) + "\n")
        file.writelines(f"{line}\n" for line in map(",".join, zip(*columns, strict=True)))


def _written(column: pd.Series[Any]) -> list[str]:
    """The cells of a column as they are written; a missing one is empty.

    A value is in many rows, and is turned into text once, which takes less than half the time of
    giving `csv.writer` the rows.
    """
    if column.dtype == np.float64:
        # By their bits: equal numbers need not have equal texts (0.0 and -0.0).
        places, bits = pd.factorize(column.to_numpy().view(np.int64))
        numbers = bits.view(np.float64).tolist()
        texts = ["" if math.isnan(number) else repr(number) for number in numbers]
    else:
        places, distinct = pd.factorize(_without_missing(column))
        texts = _fields([_as_text(value) for value in distinct.tolist()])
    cells: list[str] = np.array(texts, dtype=object)[places].tolist()
    return cells


def _fields(values: Iterable[object]) -> list[str]:
    """Values as fields of a CSV file, in quotes where they need them."""
    lines: list[str] = []
    writer = csv.writer(SimpleNamespace(write=lines.append), lineterminator="\n")
    writer.writerows((value, "") for value in values)
    return [line.removesuffix(",\n") for line in lines]


def _without_missing(column: pd.Series[Any]) -> pd.Series[Any]:
    return column.astype(object).where(column.notna(), "") if column.hasnans else column


def _as_text(value: object) -> object:
    if not isinstance(value, str):
        return value
    return f"'{printable_lines(value)}" if value.startswith(_FORMULA) else printable_lines(value)
