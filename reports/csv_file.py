"""Tables as CSV files, safe to open in a spreadsheet whatever a stranger's names are."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd

from reports.format import printable_lines

# A spreadsheet takes text that begins so for a formula, and would run it.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


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
