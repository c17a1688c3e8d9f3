"""The summary as text: one set of cells, written as CSV, Markdown and for the console."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records import Results
from reports.labels import NONE, printable, with_labels
from reports.statistics import DEFAULT_TARGET, named_target
from reports.summary import summary

Row = dict[Hashable, Any]
TEXT_COLUMNS = ("problem", "layer", "state", "method", "status")


def write_tables(results: Results, table: pd.DataFrame, folder: Path) -> None:
    """Write summary.csv, summary.md, runs.csv and curves.csv into `folder`."""
    table.to_csv(folder / "summary.csv", index=False)
    (folder / "summary.md").write_text(markdown(cells(table)), encoding="utf-8")
    with_labels(results.runs).drop(columns="legend").to_csv(folder / "runs.csv", index=False)
    results.curves.to_csv(folder / "curves.csv", index=False)


def terminal_table(results: Results, target: str = DEFAULT_TARGET) -> str:
    """Return the summary as aligned plain text for a console."""
    target = named_target(results.runs, target)
    table = summary(results, target)
    if table.empty:
        return "no readable record"
    shown = _without_constants(cells(table))
    return "\n".join([_headline(table, target), "", *aligned(shown), *footnotes(table)])


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary as text, a column per heading; what does not apply is a dash."""
    rows = table.to_dict("records")
    return pd.DataFrame(
        {heading: [write(row) for row in rows] for heading, write in _CELLS.items()}, dtype="str"
    )


def footnotes(table: pd.DataFrame) -> list[str]:
    """Return what a reader must know to read this table, a line each."""
    notes = []
    if table["unconverged"].any():
        notes.append("! PSNR at a fixed point that fewer than 95 % of forward solves converged to")
    censored = table["time_to_target"].map(math.isinf)
    if censored.any():
        notes.append("> target not reached within the budget (reached/trained seeds)")
    if (table["seeds"] < 2).any():
        notes.append("no ± where a single run completed")
    return notes


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


# ----------------------------------------------------------------------------------------- cells


def number(value: float, digits: int = 3) -> str:
    """Return about `digits` significant digits without an exponent, or a dash for NaN."""
    if not math.isfinite(value):
        return NONE
    decimals = 0 if value == 0 else max(0, digits - 1 - math.floor(math.log10(abs(value))))
    return f"{value:.{min(decimals, 6)}f}"


def _mean_std(name: str, decimals: int) -> Callable[[Row], str]:
    def write(row: Row) -> str:
        mean, std = row[f"{name}_mean"], row[f"{name}_std"]
        if not math.isfinite(mean):
            return NONE
        return f"{mean:.{decimals}f}" + (f" ± {std:.{decimals}f}" if math.isfinite(std) else "")

    return write


def _psnr(row: Row) -> str:
    return _mean_std("psnr", 2)(row) + (" !" if row["unconverged"] else "")


def time_to_target_cell(row: Row) -> str:
    """Return `3.10`, or `> 7.50 (1/2)` where the median seed is censored, or a dash."""
    reached, above = row["time_to_target"], row["time_to_target_above"]
    if math.isinf(reached):
        return f"> {number(above)} ({row['seeds_reached']}/{row['seeds_trained']})"
    return number(reached)


def _percentage(row: Row) -> str:
    fraction = row["forward_converged_fraction"]
    return f"{100 * fraction:.0f} %" if math.isfinite(fraction) else NONE


def _number_of(column: str) -> Callable[[Row], str]:
    return lambda row: number(row[column])


_CELLS: dict[str, Callable[[Row], str]] = {
    "problem": lambda row: printable(row["problem"]),
    "size": lambda row: str(row["size"]),
    "layer": lambda row: printable(row["layer"]) or NONE,
    "method": lambda row: str(row["label"]),
    "PSNR (dB)": _psnr,
    "gain (dB)": lambda row: _mean_std("gain", 2)(row | {"gain_std": math.nan}),
    "SSIM": _mean_std("ssim", 3),
    "train (s)": _number_of("train_seconds_mean"),
    "to target (s)": time_to_target_cell,
    "prepare (s)": _number_of("preparation_seconds"),
    "memory (MiB)": _number_of("peak_memory_mib"),
    "ms/image": _number_of("milliseconds_per_image"),
    "converged": _percentage,
    "seeds": lambda row: f"{row['seeds']}/{row['runs']}",
    "status": lambda row: str(row["status"]),
}


# ---------------------------------------------------------------------------------------- console


def _rows(shown: pd.DataFrame) -> list[list[str]]:
    return [[str(cell) for cell in row] for row in shown.itertuples(index=False)]


def _headline(table: pd.DataFrame, target: str) -> str:
    places = dict.fromkeys(
        f"{printable(problem)} {size}x{size}"
        for problem, size in zip(table["problem"], table["size"], strict=True)
    )
    levels = sorted({f"{level:.1f}" for level in table["target_psnr"] if math.isfinite(level)})
    level = f" ({' to '.join([levels[0], *levels[1:][-1:]])} dB)" if levels else ""
    return f"{', '.join(places)}; mean ± std over seeds; target {target}{level}"


def _without_constants(shown: pd.DataFrame) -> pd.DataFrame:
    """Leave out what is the same in every row, or is told by another column, to save width."""
    layers = set(shown["layer"]) - {NONE}
    constant = [name for name in ("problem", "size") if shown[name].nunique() == 1]
    constant += ["layer"] if len(layers) < 2 else []
    all_completed = all(re.fullmatch(r"\d+ completed", status) for status in shown["status"])
    return shown.drop(columns=constant + (["status"] if all_completed else []))


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
