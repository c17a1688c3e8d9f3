"""How numbers and tables are written: for a page, for Markdown and for a console."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from typing import Any

import pandas as pd

from reports.data.labels import NONE, printable

Row = dict[Hashable, Any]
TEXT_COLUMNS = ("problem", "layer", "state", "method", "status")


def number(value: float, digits: int = 3) -> str:
    """Return about `digits` significant digits without an exponent, or a dash for NaN."""
    if not math.isfinite(value):
        return NONE
    decimals = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"


def percentage(value: float, decimals: int = 0) -> str:
    """Return a fraction as `95 %`, or a dash."""
    return f"{100 * value:.{decimals}f} %" if math.isfinite(value) else NONE


def mean_std(row: Row, name: str, decimals: int) -> str:
    """Return `34.10 ± 0.05` of the columns `<name>_mean` and `<name>_std`."""
    mean, std = row[f"{name}_mean"], row[f"{name}_std"]
    if not math.isfinite(mean):
        return NONE
    return f"{mean:.{decimals}f}" + (f" ± {std:.{decimals}f}" if math.isfinite(std) else "")


def flagged_psnr(row: Row) -> str:
    """Return the PSNR, with `!` where it was not read at a fixed point."""
    return mean_std(row, "psnr", 2) + (" !" if row["unconverged"] else "")


def markdown(shown: pd.DataFrame) -> str:
    """Return cells as a Markdown table, numbers to the right, every cell escaped."""
    ruler = ["---" if name in TEXT_COLUMNS else "---:" for name in shown.columns]
    rows = [
        list(shown.columns),
        ruler,
        *([escape_markdown(c) for c in row] for row in _rows(shown)),
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in rows)


def escape_markdown(text: object, longest: int = 300) -> str:
    """Return one line in which nothing is markup, in Markdown nor in the HTML it allows."""
    line = printable(text, longest)
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # An underscore or hyphen inside a word is no markup; escaping it would only hurt readers.
    return re.sub(r"([\\`*\[\]|#~$]|\b_(?!\w)|(?<!\w)_)", r"\\\1", line)


def aligned(shown: pd.DataFrame) -> list[str]:
    """Return cells as lines for a console, text to the left and numbers to the right."""
    rows = [list(shown.columns), *_rows(shown)]
    widths = [max(len(row[at]) for row in rows) for at in range(len(shown.columns))]

    def line(row: list[str]) -> str:
        padded = [
            cell.ljust(width) if name in TEXT_COLUMNS else cell.rjust(width)
            for name, cell, width in zip(shown.columns, row, widths, strict=True)
        ]
        return "  ".join(padded).rstrip()

    return [line(rows[0]), "  ".join("-" * width for width in widths), *map(line, rows[1:])]


def _rows(shown: pd.DataFrame) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in shown.itertuples(index=False)]
