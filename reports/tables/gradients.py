"""The measurements of gradients as a table: a row per method as it is by default, and its best."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from pathlib import Path
from typing import Any

import pandas as pd

from bench.records import COMPLETED, STATUSES, Results
from reports.folder import write_csv
from reports.data.gradients import GradientView, at_tolerance, gradient_views
from reports.data.labels import NONE, plain, printable
from reports.data.spread import CONVERGED_ENOUGH
from reports.tables.summary import MEBIBYTE
from reports.format import aligned, markdown, number

Row = dict[Hashable, Any]
FILES = ("gradients.csv", "gradients_summary.csv", "gradients_summary.md")
_PLACE = ["problem", "size", "layer", "state"]
_MEDIANS = (
    "cosine",
    "relative_error",
    "norm_ratio",
    "forward_seconds",
    "backward_seconds",
    "forward_evaluations",
    "vjps",
    "peak_memory_bytes",
)
_CONVERGED = ("forward_converged_fraction", "adjoint_converged_fraction")


def gradient_summary(views: list[GradientView]) -> pd.DataFrame:
    """Return medians over seeds at the usual forward tolerance, a row per method and state.

    `least_error` is the smallest over the budgets that a method was swept over, at `best_budget`.
    """
    rows = [
        dict(zip([*_PLACE, "method"], key, strict=True)) | _numbers(group, view)
        for view in views
        for state in view.states
        for key, group in _shown(view, state).groupby([*_PLACE, "legend"], sort=False)
    ]
    # A stable sort: within a place the states and methods keep their order.
    return pd.DataFrame(rows).sort_values(["problem", "layer", "size"], kind="stable")


def _shown(view: GradientView, state: str) -> pd.DataFrame:
    return view.table[view.table["shown"] & (view.table["state"] == state)]


def _numbers(group: pd.DataFrame, view: GradientView) -> dict[str, object]:
    usual = at_tolerance(group, view.tolerance)
    done = usual[usual["status"] == COMPLETED]
    worst = {name: float(done[name].min()) for name in _CONVERGED}
    counts = group["status"].value_counts()
    return {
        **{name: float(done[name].median()) for name in _MEDIANS},
        **worst,
        "unconverged": any(value < CONVERGED_ENOUGH for value in worst.values()),
        **_best(group.iloc[0].to_dict(), view),
        "seeds": int(done["seed"].nunique()),
        "status": ", ".join(f"{counts[name]} {name}" for name in STATUSES if name in counts),
    }


def _best(row: Row, view: GradientView) -> dict[str, object]:
    """The least median error over the budgets of the row's line, in the same place."""
    table = view.usual
    for name in ("size", "state", "line"):
        table = table[table[name] == row[name]]
    errors = table.groupby("budget")["relative_error"].median().dropna()
    if len(errors) < 2:
        return {"least_error": math.nan, "best_budget": math.nan}
    return {"least_error": float(errors.min()), "best_budget": float(str(errors.idxmin()))}


def gradient_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the summary as text, a column per heading; what does not apply is a dash."""
    rows = table.to_dict("records")
    return pd.DataFrame(
        {heading: [write(row) for row in rows] for heading, write in _CELLS.items()}, dtype="str"
    )


def gradient_notes(table: pd.DataFrame) -> list[str]:
    """Return what a reader must know to read this table, a line each."""
    notes = []
    if len(table) and table["unconverged"].any():
        notes.append("! fewer than 95 % of the forward or of the adjoint solves converged")
    return notes


def failed_measurements(table: pd.DataFrame) -> list[str]:
    """Return a line for each measurement that failed: where, its status and its message."""
    failed = table[table["status"] != COMPLETED]
    return [
        printable(
            f"{row['problem']} {row['size']} px {row['layer']} seed {row['seed']} {row['state']}, "
            f"{row['label']} at {plain(row['tolerance'])}: {row['status']}. {row['message']}",
            400,
        )
        for row in failed.to_dict("records")
    ]


def tolerance_said(views: list[GradientView]) -> str:
    """Return at which forward tolerance the table is."""
    tolerance = views[0].tolerance
    return (
        f"forward tolerance {plain(tolerance)}" if math.isfinite(tolerance) else "no forward solve"
    )


def terminal_gradients(results: Results) -> str:
    """Return the summary as aligned plain text for a console; empty if nothing was measured."""
    views = gradient_views(results)
    if not views:
        return ""
    table = gradient_summary(views)
    shown = gradient_cells(table)
    single = [name for name in ("problem", "size", "layer", "state") if shown[name].nunique() == 1]
    place = ", ".join(f"{name} {shown[name].iloc[0]}" for name in single)
    said = f"gradients: {place}{'; ' if place else ''}medians over seeds; {tolerance_said(views)}"
    hidden = single + _uninteresting(shown)
    lines = aligned(shown.drop(columns=hidden))
    return "\n".join([said, "", *lines, *gradient_notes(table)])


def _uninteresting(shown: pd.DataFrame) -> list[str]:
    all_completed = all(text.endswith(" completed") for text in shown["status"])
    return ["status"] if all_completed else []


def write_gradient_tables(results: Results, table: pd.DataFrame, folder: Path) -> None:
    """Write gradients.csv, gradients_summary.csv and gradients_summary.md into `folder`."""
    write_csv(results.gradients, folder / FILES[0])
    write_csv(table, folder / FILES[1])
    (folder / FILES[2]).write_text(markdown(gradient_cells(table)), encoding="utf-8")


# ----------------------------------------------------------------------------------------- cells


def _error(row: Row) -> str:
    return _scientific(row["relative_error"]) + (" !" if row["unconverged"] else "")


def _scientific(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-").replace("e+00", "") if value >= 0 else NONE


def _cosine(row: Row) -> str:
    return f"{row['cosine']:.5f}" if math.isfinite(row["cosine"]) else NONE


def _least(row: Row) -> str:
    if not math.isfinite(row["least_error"]):
        return NONE
    return f"{_scientific(row['least_error'])} at {row['best_budget']:g}"


def _count(column: str) -> Callable[[Row], str]:
    return lambda row: f"{row[column]:.0f}" if math.isfinite(row[column]) else NONE


def _scaled(column: str, factor: float) -> Callable[[Row], str]:
    return lambda row: number(factor * row[column])


_CELLS: dict[str, Callable[[Row], str]] = {
    "problem": lambda row: printable(row["problem"]),
    "size": lambda row: str(row["size"]),
    "layer": lambda row: printable(row["layer"]),
    "state": lambda row: printable(row["state"]),
    "method": lambda row: str(row["method"]),
    "cosine": _cosine,
    "error": _error,
    "norm ratio": _scaled("norm_ratio", 1),
    "forward (ms)": _scaled("forward_seconds", 1e3),
    "backward (ms)": _scaled("backward_seconds", 1e3),
    "evaluations": _count("forward_evaluations"),
    "VJPs": _count("vjps"),
    "memory (MiB)": _scaled("peak_memory_bytes", 1 / MEBIBYTE),
    "least error": _least,
    "seeds": lambda row: str(row["seeds"]),
    "status": lambda row: str(row["status"]),
}
