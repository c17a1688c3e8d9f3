"""The summary as text: one set of cells, written as CSV, Markdown and for the console."""

from __future__ import annotations

import math
import re
from pathlib import Path

import pandas as pd

from bench.records import Results
from reports.data.circumstances import said_of_times
from reports.folder import write_csv
from reports.data.grouping import Write, text_table
from reports.data.labels import NONE, printable, with_labels
from reports.tables.summary import summary
from reports.data.targets import DEFAULT_TARGET, named_target
from reports.format import Row, aligned, flagged_psnr, mean_std, number, percentage


def write_records(results: Results, folder: Path) -> None:
    """Write runs.csv and curves.csv into `folder`."""
    write_csv(with_labels(results.runs).drop(columns="legend"), folder / "runs.csv")
    write_csv(results.curves, folder / "curves.csv")


def terminal_table(results: Results, target: str = DEFAULT_TARGET) -> str:
    """Return the summary as aligned plain text for a console."""
    target = named_target(results.runs, target)
    table = summary(results, target)
    if table.empty:
        return "no readable record"
    shown = _without_constants(cells(table))
    notes = [*footnotes(table), *said_of_times(results.runs)]
    return "\n".join([_headline(table, target), "", *aligned(shown), *notes])


def cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary as text, a column per heading; what does not apply is a dash."""
    return text_table(table, _CELLS)


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


# ----------------------------------------------------------------------------------------- cells


def time_to_target_cell(row: Row) -> str:
    """Return `3.10`, or `> 7.50 (1/2)` where the median seed is censored, or a dash."""
    reached, above = row["time_to_target"], row["time_to_target_above"]
    if math.isinf(reached):
        return f"> {number(above)} ({row['seeds_reached']}/{row['seeds_trained']})"
    return number(reached)


_CELLS: dict[str, Write] = {
    "PSNR (dB)": flagged_psnr,
    "gain (dB)": lambda row: mean_std(row | {"gain_std": math.nan}, "gain", 2),
    "SSIM": lambda row: mean_std(row, "ssim", 3),
    "train (s)": lambda row: number(row["train_seconds_mean"]),
    "to target (s)": time_to_target_cell,
    "prepare (s)": lambda row: number(row["preparation_seconds"]),
    "memory (MiB)": lambda row: number(row["peak_memory_mib"]),
    "ms/image": lambda row: number(row["milliseconds_per_image"]),
    "converged": lambda row: percentage(row["forward_converged_fraction"]),
    "seeds": lambda row: f"{row['seeds']}/{row['runs']}",
    "status": lambda row: str(row["status"]),
}


# ---------------------------------------------------------------------------------------- console


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
