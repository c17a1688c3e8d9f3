"""Reads the tables of many runs at once, every cell checked.

The texts of many runs are joined and turned into numbers a column at a time, after it is made sure
that each line has the run's own name and as many cells as the table has columns. Whatever does not
pass is halved until the run is alone, and then read cell by cell, which finds the reason.
"""

from __future__ import annotations

import csv
import io
import math
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from bench.records.files import MEBIBYTE, one_line, read_file
from bench.records.model import TABLES, Rows
from bench.records.schema import FINITE, MOST_NUMBER, columns_of_version, typed

if TYPE_CHECKING:  # every run is a process that writes a record; only readers need pandas
    import pandas as pd

BROKEN = (OSError, ValueError, csv.Error, ArithmeticError)
TOGETHER = 4 * MEBIBYTE  # of text that is parsed at once


@dataclass(frozen=True)
class TableText:
    """The table of one run as it is on disk, its header included."""

    path: str
    run_id: str
    columns: Mapping[str, str]
    content: bytes


def read_tables(
    name: str, runs: Sequence[tuple[str, int]], parent: str, damage: Callable[[str, str], None]
) -> pd.DataFrame:
    """Return the table `name` of all runs, given as (run_id, schema version) in folders of parent.

    Of a run whose table is damaged no row is returned, and `damage` is told its run_id and why.
    """
    import pandas as pd

    wanted = TABLES[name][1]
    frames = []
    for texts in _together(_texts(name, runs, parent, damage)):
        frames += _frames(texts, damage)
    whole = pd.concat(frames, ignore_index=True) if frames else pd.DataFrame()
    return whole.reindex(columns=list(wanted)).astype(dict(wanted))


def read_table(text: TableText) -> Rows:
    """Return the rows of one table, read cell by cell; raise ValueError or csv.Error."""
    rows = parse_rows(text.content, text.columns)
    if any(row["run_id"] != text.run_id for row in rows):
        raise ValueError("a row belongs to another run")
    return rows


def parse_rows(content: bytes, columns: Mapping[str, str]) -> Rows:
    """Return the rows of a CSV file, cell by cell; raise ValueError or csv.Error with why."""
    text = content.decode("utf-8")
    if text and not text.endswith("\n"):
        raise ValueError("truncated (the last line is incomplete)")
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    if next(reader, list(columns)) != list(columns):
        raise ValueError("the header is not as expected")
    rows: Rows = []
    for number, cells in enumerate(reader, start=2):
        if len(cells) != len(columns):
            raise ValueError(f"line {number} has {len(cells)} cells instead of {len(columns)}")
        named = zip(columns.items(), cells, strict=True)
        rows.append({name: _parsed(name, cell, dtype) for (name, dtype), cell in named})
    return rows


def table_text(folder: str, name: str, run_id: str, version: object) -> TableText | None:
    """Return a table as it is on disk, None if the run has none; raises OSError or ValueError."""
    file, columns = TABLES[name]
    path = os.path.join(folder, file)
    try:
        content = read_file(path)
    except FileNotFoundError:
        return None
    return TableText(path, run_id, columns_of_version(columns, version), content)


def _texts(
    name: str, runs: Sequence[tuple[str, int]], parent: str, damage: Callable[[str, str], None]
) -> Iterator[TableText]:
    for run_id, version in runs:
        folder = os.path.join(parent, run_id)
        try:
            text = table_text(folder, name, run_id, version)
        except BROKEN as error:
            damage(run_id, f"{os.path.join(folder, TABLES[name][0])}: {one_line(error)}")
            continue
        if text is not None:
            yield text


def _together(texts: Iterator[TableText]) -> Iterator[list[TableText]]:
    """Yield tables of the same columns that follow each other, up to a size."""
    group: list[TableText] = []
    size = 0
    for text in texts:
        if group and (size > TOGETHER or text.columns.keys() != group[0].columns.keys()):
            yield group
            group, size = [], 0
        group.append(text)
        size += len(text.content)
    if group:
        yield group


def _frames(texts: list[TableText], damage: Callable[[str, str], None]) -> list[pd.DataFrame]:
    import pandas as pd

    try:
        return [_parsed_together(texts)]
    except BROKEN:
        if len(texts) > 1:
            middle = len(texts) // 2
            return _frames(texts[:middle], damage) + _frames(texts[middle:], damage)
    (text,) = texts
    try:
        return [pd.DataFrame(read_table(text), columns=list(text.columns))]
    except BROKEN as error:
        damage(text.run_id, f"{text.path}: {one_line(error)}")
        return []


def _parsed_together(texts: list[TableText]) -> pd.DataFrame:
    """Return the rows of tables of the same columns; raise ValueError if any might be damaged."""
    import pandas as pd

    columns = texts[0].columns
    header = (",".join(columns) + "\n").encode()
    bodies = [_body(text, header) for text in texts]
    joined = b"".join(bodies)
    _check_cells(joined, len(columns))
    cells = joined.replace(b"\n", b",").split(b",")[:-1]
    counts = [body.count(b"\n") for body in bodies]
    names = np.repeat(np.array([text.run_id for text in texts], dtype=object), counts)
    numbers = {
        name: _cells(name, cells[at :: len(columns)], columns[name])
        for at, name in enumerate(columns)
        if name != "run_id"
    }
    return pd.DataFrame({"run_id": pd.array(names, dtype="str"), **numbers})


def _cells(name: str, cells: list[bytes], dtype: str) -> np.ndarray[Any, Any]:
    """Return the cells of a column as its type; a number that is none, or missing, raises."""
    if dtype == "str":
        return np.array([typed(name, cell.decode("utf-8"), dtype) for cell in cells], dtype=object)
    if dtype == "int64":
        return np.fromiter(map(int, cells), np.int64, len(cells))
    values = np.fromiter(map(float, cells), np.float64, len(cells))
    beyond = np.abs(values) > MOST_NUMBER
    if (beyond if name in FINITE else beyond & np.isfinite(values)).any():
        raise ValueError(f"{name}: a number beyond {MOST_NUMBER:g}")
    return values


def _body(text: TableText, header: bytes) -> bytes:
    """Return the lines below the header, each of which begins with the name of the run."""
    content, name = text.content, text.run_id.encode() + b","
    whole = content.startswith(header) and content.endswith(b"\n")
    lines = content.count(b"\n") - 1
    named = content.count(b"\n" + name) == lines and name.count(b",") == 1
    if not (whole and named) or any(sign in content for sign in (b'"', b"\r", b"\0")):
        raise ValueError("not as it was written")
    return content[len(header) :]


def _check_cells(joined: bytes, columns: int) -> None:
    """Raise ValueError unless each line has as many cells as there are columns."""
    signs = np.frombuffer(joined, dtype=np.uint8)
    ends, commas = np.flatnonzero(signs == ord("\n")), np.flatnonzero(signs == ord(","))
    of_line = np.diff(np.searchsorted(commas, ends), prepend=0)
    if (of_line != columns - 1).any():
        raise ValueError("a line has too few or too many cells")


def _parsed(name: str, cell: str, dtype: str) -> object:
    if dtype == "str":
        return typed(name, cell, dtype)
    if dtype == "int64":
        return typed(name, int(cell), dtype)
    value = float(cell) if cell else math.nan
    if name in FINITE and math.isinf(value):
        raise ValueError(f"{name}: {cell} is not finite")
    return typed(name, value, dtype)
