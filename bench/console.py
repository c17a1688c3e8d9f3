"""Standard output and error that bear whatever is printed, and tables that fit a terminal."""

from __future__ import annotations

import contextlib
import io
import itertools
import math
import os
import shutil
import sys
import textwrap
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TextIO

GAP = "  "
Rows = Sequence[Sequence[str]]


def prepare_streams() -> None:
    """Make standard output and error usable, wherever they lead, before anything is printed.

    A closed one becomes the null device: a file opened later would take its place and receive what
    is printed. A character that the terminal's encoding lacks is shown as its number.
    """
    for number in range(3):
        with contextlib.suppress(OSError):
            _open_if_closed(number)
    sys.stdout = sys.stdout or os.fdopen(1, "w", encoding="utf-8")
    sys.stderr = sys.stderr or os.fdopen(2, "w", encoding="utf-8")
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and stream.errors in ("strict", "surrogateescape"):
            stream.reconfigure(errors="backslashreplace")


def _open_if_closed(number: int) -> None:
    try:
        os.fstat(number)
    except OSError:
        free = os.open(os.devnull, os.O_RDWR)  # the lowest number that is free: this one
        os.set_inheritable(free, True)  # what a command starts has it, too


def silence(stream: TextIO) -> None:
    """Lead a stream that cannot be written to into the null device.

    Python would complain about it once more at exit.
    """
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())


def terminal_width() -> int | None:
    """The columns of the terminal that standard output is, None if it is no terminal."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None


def table(
    rows: Rows, *, numbers: Collection[int] = (), rule: bool = False, width: int | None = None
) -> str:
    """Rows of cells as aligned text; the first row is the heading.

    numbers: the columns that are aligned to the right and never broken; rule: a line below the
    heading; width: of the terminal in characters, None for no limit. In a narrower one the text of
    the other columns is wrapped at its spaces; if that does not suffice, the columns continue in a
    further block below, which repeats the first column.
    """
    columns = list(zip(*rows, strict=True))
    natural = [max(map(len, column)) for column in columns]
    least = [_least_width(at, column, numbers) for at, column in enumerate(columns)]
    limit, blocks = math.inf if width is None else width, []
    for block in _blocks(least, limit):
        widths = {at: natural[at] for at in block}
        _shrink(widths, least, limit)
        blocks.append(_block(rows, widths, numbers, rule))
    return "\n\n".join(blocks)


def _least_width(at: int, column: Sequence[str], numbers: Collection[int]) -> int:
    """The longest part of a column that is not broken: a word, or the cell of a number."""
    parts = [column[0].split(), *([cell] if at in numbers else cell.split() for cell in column[1:])]
    return max((len(part) for each in parts for part in each), default=0)


def _blocks(widths: Sequence[int], width: float) -> list[list[int]]:
    """The columns of each block, as many as fit; each block begins with the first column."""
    blocks = [[0]]
    for at in range(1, len(widths)):
        wanted = [*blocks[-1], at]
        if len(wanted) > 2 and _total(widths[i] for i in wanted) > width:
            blocks.append([0])
        blocks[-1].append(at)
    return blocks


def _shrink(widths: dict[int, int], least: Sequence[int], width: float) -> None:
    """Take from the widest column, word by word, until the row fits or no column can give more."""
    while _total(widths.values()) > width:
        at = max(widths, key=lambda at: (widths[at] > least[at], widths[at]))
        if widths[at] <= least[at]:
            return
        widths[at] -= 1


def _total(widths: Iterable[int]) -> int:
    each = list(widths)
    return sum(each) + len(GAP) * (len(each) - 1)


def _block(rows: Rows, widths: Mapping[int, int], numbers: Collection[int], rule: bool) -> str:
    lines = []
    for number, row in enumerate(rows):
        cells = [
            textwrap.wrap(row[at], max(width, 1), break_on_hyphens=False) or [""]
            for at, width in widths.items()
        ]
        for parts in itertools.zip_longest(*cells, fillvalue=""):
            padded = (
                part.rjust(width) if at in numbers else part.ljust(width)
                for (at, width), part in zip(widths.items(), parts, strict=True)
            )
            lines.append(GAP.join(padded).rstrip())
        if rule and number == 0:
            lines.append(GAP.join("-" * width for width in widths.values()))
    return "\n".join(lines)
