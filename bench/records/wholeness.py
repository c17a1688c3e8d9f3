"""Whether a record is whole: the files that belong to it are there, and as they were written.

`files.json` lists them with their sizes and CRC-32, so that ten thousand records are judged in the
time that it takes to read their bytes. A record that was written before there was such a list is
held against its row and its configuration.
"""

from __future__ import annotations

import json
import math
import os
import zlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from bench.records import samples
from bench.records.files import LISTING, is_there, one_line, read_file
from bench.records.model import PICTURES, SAMPLES, TABLES
from bench.records.schema import COMPLETED, columns_of_version
from bench.records.tables import BROKEN, TableText, read_table

FILES = dict(TABLES.values())
ARRAYS = (SAMPLES, PICTURES)
LISTED = (*FILES, *ARRAYS)
KNOWN_SINCE = 5  # of the schema: what records of earlier versions must have is not known
_NUMERIC = b"0123456789+-.einfa,"
Row = Mapping[str, object]


class NotWhole(ValueError):
    """What is wrong with a record; the message begins with the name of the file."""

    def __init__(self, file: str, reason: Exception | str) -> None:
        text = one_line(reason) if isinstance(reason, Exception) else reason
        super().__init__(f"{file}: {text}")


def write_listing(folder: Path) -> None:
    """List the files that were written into the folder of a record."""
    listing = {
        name: _size_and_sum((folder / name).read_bytes())
        for name in LISTED
        if (folder / name).exists()
    }
    (folder / LISTING).write_text(json.dumps(listing) + "\n", encoding="utf-8")


def damage_of(
    folder: str, row: Row, config: Mapping[str, Any], summed: Collection[str] = LISTED
) -> str:
    """Why the record in a folder is not whole, "" if it is; the reason names the file.

    row: of its record.json. config: the run's plain configuration, {} where it is not known.
    summed: the listed files whose bytes are read; of the others, which are judged elsewhere, only
    the size has to be right.
    """
    try:
        if _is_known(row) and is_there(os.path.join(folder, LISTING)):
            _check_listed(folder, summed)
        else:
            _check_unlisted(folder, row, config)
    except NotWhole as error:
        return os.path.join(folder, str(error))
    return ""


def _check_listed(folder: str, summed: Collection[str]) -> None:
    listing = _listing(folder)
    for name in LISTED:
        if name in listing:
            found = _size_and_sum(_content(folder, name)) if name in summed else _size(folder, name)
            if found != listing[name][: len(found)]:
                if name in ARRAYS:
                    _check_samples(name, _content(folder, name))  # may say more of what is wrong
                raise NotWhole(name, f"is not as it was written, by {LISTING}")
        elif is_there(os.path.join(folder, name)):
            raise NotWhole(name, f"is not listed in {LISTING}")


def _listing(folder: str) -> dict[str, list[object]]:
    try:
        listing = json.loads(_content(folder, LISTING))
    except (ValueError, RecursionError) as error:
        raise error if isinstance(error, NotWhole) else NotWhole(LISTING, error) from error
    if not isinstance(listing, dict) or not all(type(each) is list for each in listing.values()):
        raise NotWhole(LISTING, "is not the list of a record's files")
    return listing


def _size_and_sum(content: bytes) -> list[int]:
    return [len(content), zlib.crc32(content)]


def _size(folder: str, name: str) -> list[int]:
    try:
        return [os.lstat(os.path.join(folder, name)).st_size]
    except OSError as error:
        missing = isinstance(error, FileNotFoundError)
        raise NotWhole(name, "is missing" if missing else error) from error


def _content(folder: str, name: str) -> bytes:
    try:
        return read_file(os.path.join(folder, name))
    except FileNotFoundError:
        raise NotWhole(name, "is missing") from None
    except (OSError, ValueError) as error:
        raise NotWhole(name, error) from error


def _check_unlisted(folder: str, row: Row, config: Mapping[str, Any]) -> None:
    expected = _expected(row, config)
    for name in LISTED:
        if name not in expected and not is_there(os.path.join(folder, name)):
            continue
        content = _content(folder, name)
        if name in ARRAYS:
            _check_samples(name, content)
            continue
        count, last = _rows_in(content, name, row)
        if expected.get(name) not in (None, count):
            raise NotWhole(name, f"has {count} rows instead of {expected[name]}")
        steps = expected.get("steps.csv")
        if name == "curve.csv" and steps is not None and last != steps:
            raise NotWhole(name, f"does not reach step {steps}")


def _is_known(row: Row) -> bool:
    return int(str(row["schema_version"])) >= KNOWN_SINCE


def _expected(row: Row, config: Mapping[str, Any]) -> dict[str, int | None]:
    """The files that a completed run leaves, with their number of rows (None: any number)."""
    if row["status"] != COMPLETED or not _is_known(row) or not config:
        return {}
    evaluate = config.get("evaluate")
    evaluate = evaluate if isinstance(evaluate, Mapping) else {}
    expected: dict[str, int | None] = {"curve.csv": None, "images.csv": evaluate.get("images")}
    steps = float(str(row["steps"]))
    if math.isfinite(steps):
        expected["steps.csv"] = int(steps)
    if evaluate.get("samples"):
        expected[SAMPLES] = None
    if config.get("reconstruction_pass"):
        expected["reconstruction.csv"] = None
    return expected


def _check_samples(name: str, content: bytes) -> None:
    try:
        samples.read_arrays(content)
    except samples.BROKEN as error:
        raise NotWhole(name, error) from error


def _rows_in(content: bytes, name: str, row: Row) -> tuple[int, int | None]:
    """The number of rows of a table and the first number of the last; NotWhole for a damaged one.

    The first number is the step of a curve. No cell is turned into a number unless one looks odd.
    """
    run_id = str(row["run_id"])
    try:
        columns = columns_of_version(FILES[name], row["schema_version"])
        text = TableText(name, run_id, columns, content)
        if not content:
            raise ValueError("is empty")
        if not _looks_written(text):
            read_table(text)
        lines = content.splitlines()
        return len(lines) - 1, int(lines[-1].split(b",")[1]) if len(lines) > 1 else None
    except BROKEN as error:
        raise NotWhole(name, error) from error


def _looks_written(text: TableText) -> bool:
    """Whether each line names the run and has as many cells, of numbers, as the header."""
    header, *lines = text.content.split(b"\n")
    name, commas = text.run_id.encode() + b",", len(text.columns) - 1
    return (
        header == ",".join(text.columns).encode()
        and not (lines or [b"?"]).pop()
        and all(line.startswith(name) and line.count(b",") == commas for line in lines)
        and not b"".join(line[len(name) :] for line in lines).translate(None, _NUMERIC)
    )
