"""The folder of a report, and its CSV files; nothing is written through what a stranger left."""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path

import pandas as pd

REPORT, FIGURES = "report", "figures"
# A spreadsheet takes text that begins so for a formula, and would run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


def prepare_report(results: Path, names: Iterable[str]) -> Path:
    """Make `report/` and `report/figures/` and return the first; raise OSError if that fails.

    Files of the `names` and figures that an earlier report left are removed, so that nothing is
    written through a link or into a pipe in their place. A folder that is itself a link is
    refused. All else is kept.
    """
    folder = results / REPORT
    for each in (folder, folder / FIGURES):
        if each.is_symlink():
            raise OSError(None, f"{each.name} is a symbolic link, which is not followed")
        each.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).unlink(missing_ok=True)
    for entry in list(os.scandir(folder / FIGURES)):
        if entry.name.endswith((".png", ".pdf")):
            os.unlink(entry.path)
    return folder


def write_csv(table: pd.DataFrame, path: Path) -> None:
    """Write a table; text that a spreadsheet would run as a formula gets an apostrophe before it.

    Numbers stay as they are. Raises OSError if the file cannot be written.
    """
    text = [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]
    table.assign(**{name: table[name].map(_as_text) for name in text}).to_csv(path, index=False)


def _as_text(value: object) -> object:
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value
