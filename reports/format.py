"""How numbers, names and tables are written: for a page, for Markdown and for a terminal."""

from __future__ import annotations

import math
import re
import textwrap
from collections.abc import Sequence

import pandas as pd

from bench.console import table as console_table
from bench.console import terminal_width
from bench.errors import counted as counted
from bench.errors import printable as printable

NONE = "—"
TIMES = "\N{MULTIPLICATION SIGN}"
DISTURBED = "†"  # after a time of which a run was disturbed
MEBIBYTE = 2**20
TEXT_COLUMNS = (
    *("problem", "layer", "state", "method", "metric", "status", "verdict"),
    *("folder", "machine", "processor", "device", "commit", "started"),
)
LONGEST = 1000  # characters of a text on the page
PROSE_WIDTH = 120  # where text does not go to a terminal


def listed(names: Sequence[str], most: int) -> str:
    """Write the first `most` names, `a, b, …`."""
    return ", ".join([*names[:most], *(["…"] if len(names) > most else [])])


def plain(value: float) -> str:
    """Write 0.01, 1e-4 and 20, as a person would."""
    if not 0 < value < 1e-3:
        return f"{value:g}"
    mantissa, exponent = f"{value:.2e}".split("e")
    return f"{float(mantissa):g}e{int(exponent)}"


def number(value: float, digits: int = 3) -> str:
    """Return about `digits` significant digits without an exponent, or a dash for NaN."""
    if not math.isfinite(value):
        return NONE
    decimals = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"


def fixed(value: float, decimals: int = 0) -> str:
    """Return a number with so many decimals, or a dash where it is not finite."""
    return f"{value:.{decimals}f}" if math.isfinite(value) else NONE


def significant(value: float, digits: int = 4) -> str:
    """Return so many significant digits, with an exponent where that is shorter; NaN is a dash."""
    return f"{value:.{digits}g}" if math.isfinite(value) else NONE


# --------------------------------------------------------------------------------------- tables


def markdown_table(cells: pd.DataFrame) -> str:
    """Return cells as a Markdown table, numbers to the right, every cell escaped."""
    ruler = ["---" if name in TEXT_COLUMNS else "---:" for name in cells.columns]
    heading, *rows = [[_escaped(cell) for cell in row] for row in _rows(cells)]
    return "".join(f"| {' | '.join(row)} |\n" for row in (heading, ruler, *rows))


def terminal_table(cells: pd.DataFrame) -> str:
    """Return cells as aligned text that fits the terminal, numbers to the right."""
    numbers = [at for at, name in enumerate(cells.columns) if name not in TEXT_COLUMNS]
    return console_table(_rows(cells), numbers=numbers, rule=True, width=terminal_width())


def terminal_lines(*lines: str) -> list[str]:
    """Return the lines, those that do not fit the terminal wrapped between words."""
    wrapper = textwrap.TextWrapper(terminal_width() or PROSE_WIDTH, subsequent_indent="  ")
    wrapper.break_on_hyphens = wrapper.break_long_words = False
    return [part for line in lines for part in wrapper.wrap(line)]


def _rows(cells: pd.DataFrame) -> list[list[str]]:
    return [list(cells.columns), *(list(map(str, row)) for row in cells.itertuples(index=False))]


def printable_lines(text: str) -> str:
    """Return text whose line breaks and tabs are kept; what else is not printable becomes `?`."""
    if text.isprintable():
        return text
    lines = text.replace("\r\n", "\n")
    return "".join(one if one.isprintable() or one in "\n\t" else "?" for one in lines)


def escape_markdown(text: object) -> str:
    """Return one line in which nothing is markup, in Markdown nor in the HTML it allows."""
    # At the beginning of a line `-` and `1.` make a list, and `=` a heading of what is above.
    return re.sub(r"^(\d+(?=[.)](?:\s|$))|(?=[-+=]))", r"\1\\", _escaped(text))


def _escaped(text: object) -> str:
    line = printable(text, LONGEST)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore inside a word is no markup; escaping it would only hurt readers.
    return re.sub(r"([\\`*\[\]|#~$]|(?<![^\W_])_|_(?![^\W_]))", r"\\\1", line)
