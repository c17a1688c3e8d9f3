"""How the cells of a table are written: a function of the row for each head, and common heads."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

from reports.data.best import UNKNOWN
from reports.data.noise import MARK
from reports.format import DISTURBED, NONE, fixed, number, printable, significant
from reports.stats import verdicts

Row = dict[Hashable, Any]
Write = Callable[[Row], str]


def text(column: str) -> Write:
    """Write a name that a stranger may have chosen; a dash where it is empty."""
    return lambda row: printable(row[column]) or NONE


def decimal(column: str, factor: float = 1) -> Write:
    """Write a number with three significant digits, such as seconds as milliseconds."""
    return lambda row: number(factor * row[column])


def rounded(column: str, decimals: int = 0, factor: float = 1) -> Write:
    """Write a number with so many decimals."""
    return lambda row: fixed(factor * row[column], decimals)


def percent(column: str, decimals: int = 0) -> Write:
    """Write a fraction as a percentage, without its sign."""
    return rounded(column, decimals, 100)


def mean_and_deviation(name: str, decimals: int) -> Write:
    """Write `34.10 ± 0.05` of the columns `<name>_mean` and `<name>_std`."""

    def write(row: Row) -> str:
        mean, deviation = row[f"{name}_mean"], row[f"{name}_std"]
        shown = math.isfinite(mean) and math.isfinite(deviation)
        return fixed(mean, decimals) + (f" ± {deviation:.{decimals}f}" if shown else "")

    return write


def with_interval(name: str, decimals: int) -> Write:
    """Write `9.50 [9.10, 9.90]` of the columns `<name>`, `<name>_low` and `<name>_high`."""
    return _with_bounds(name, lambda value: fixed(value, decimals), "[{}, {}]")


def significant_with_interval(name: str) -> Write:
    """Write `9.5 [9.1, 9.9]` likewise, with four significant digits whatever the magnitude."""
    return _with_bounds(name, significant, "[{}, {}]")


def with_range(name: str, decimals: int) -> Write:
    """Write `0.85 (0.80–0.90)`: the least and largest value, of which no coverage is claimed."""
    return _with_bounds(name, lambda value: fixed(value, decimals), "({}–{})")


def _with_bounds(name: str, write: Callable[[float], str], bounds: str) -> Write:
    def write_all(row: Row) -> str:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        known = not (math.isnan(low) or math.isnan(high))
        return write(row[name]) + (f" {bounds.format(write(low), write(high))}" if known else "")

    return write_all


def bounds(name: str, decimals: int) -> Write:
    """Write `[9.10, 9.90]` of the columns `<name>_low` and `<name>_high`; a dash if unknown."""

    def write(row: Row) -> str:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        return f"[{fixed(low, decimals)}, {fixed(high, decimals)}]" if math.isfinite(low) else NONE

    return write


def of_seeds(name: str, write: Write) -> Write:
    """Add to a cell the bounds over seeds: `[2.90, 3.40]` an interval, `(2.90–3.40)` a range.

    Of the columns `<name>_low`, `<name>_high` (inf: never) and `<name>_is_range`.
    """

    def write_all(row: Row) -> str:
        low, high = row[f"{name}_low"], row[f"{name}_high"]
        if math.isnan(low) or math.isnan(high) or math.isinf(low):
            return write(row)
        ends = ["∞" if math.isinf(end) else number(end) for end in (low, high)]
        shown = "({}–{})" if row[f"{name}_is_range"] else "[{}, {}]"
        return f"{write(row)} {shown.format(*ends)}"

    return write_all


def time_to_target(factor: float = 1, seeds: str = "seeds") -> Write:
    """Write `3.10`, or `> 7.50 (1/2)` where the median seed is censored, or a dash."""

    def write(row: Row) -> str:
        if math.isinf(row["time_to_target"]):
            bound = number(factor * row["time_to_target_above"])
            return f"> {bound} ({row['seeds_reached']}/{row[seeds]})"
        return marked("time_to_target", factor)(row)

    return write


def marked(column: str, factor: float = 1) -> Write:
    """Write a time, with a mark before it where it cannot be told apart from the best."""
    return against_best(column, lambda row: number(factor * row[column]))


def against_best(column: str, write: Write) -> Write:
    """Write a cell, with ≈ before it where `<column>_verdict` on it is inconclusive.

    ? where nothing is known of its noise; the best has no mark, and all that is worse has none.
    """
    marks = {verdicts.INCONCLUSIVE: f"{MARK} ", UNKNOWN: "? "}
    return lambda row: marks.get(str(row.get(f"{column}_verdict", "")), "") + write(row)


def flagged(write: Write) -> Write:
    """Write a cell with `!` after it where it was not read at a fixed point."""
    return lambda row: write(row) + (" !" if row["unconverged"] else "")


def disturbed(write: Write) -> Write:
    """Write a time with a mark after it where one of its runs was disturbed."""

    def marked_disturbed(row: Row) -> str:
        cell = write(row)
        return f"{cell} {DISTURBED}" if row["disturbed"] and cell != NONE else cell

    return marked_disturbed


FIRST: dict[str, Write] = {
    "method": text("label"),
    "problem": text("problem"),
    "size (px)": text("size"),
    "layer": text("layer"),
}
PSNR = {"PSNR (dB)": flagged(mean_and_deviation("psnr", 2))}
TARGET = {"target (dB)": rounded("target_psnr", 2)}
