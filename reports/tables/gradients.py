"""The table of gradient measurements: a row per method at its default budget, and its best."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pandas as pd

from bench.records import COMPLETED
from reports.data.gradients import GradientData, at_tolerance
from reports.data.grouping import CONVERGED_ENOUGH, completed, status_counts
from reports.format import MEBIBYTE, NONE, plain, printable, terminal_lines, terminal_table
from reports.tables import cells
from reports.tables.cells import FIRST, Row, Write
from reports.tables.table import Table

_KEY = ["problem", "size", "layer", "state"]
_MEDIANS = (
    *("cosine", "relative_error", "norm_ratio", "forward_seconds", "backward_seconds"),
    *("forward_evaluations", "vjps", "peak_memory_bytes"),
)
_CONVERGED = ("forward_converged_fraction", "adjoint_converged_fraction")


def _scientific(value: float) -> str:
    return f"{value:.1e}".replace("e-0", "e-").replace("e+00", "") if value >= 0 else NONE


def _smallest(row: Row) -> str:
    least = row["least_error"]
    return f"{_scientific(least)} at {row['best_budget']:g}" if math.isfinite(least) else NONE


COLUMNS: dict[str, Write] = {
    **{head: FIRST[head] for head in ("problem", "size (px)", "layer")},
    "state": cells.text("state"),
    "method": cells.text("method"),
    "cosine": cells.rounded("cosine", 5),
    "relative error": cells.flagged(lambda row: _scientific(row["relative_error"])),
    "norm ratio": cells.decimal("norm_ratio"),
    "forward time (ms)": cells.decimal("forward_seconds", 1e3),
    "backward time (ms)": cells.decimal("backward_seconds", 1e3),
    "evaluations": cells.rounded("forward_evaluations"),
    "VJPs": cells.rounded("vjps"),
    "peak memory (MiB)": cells.decimal("peak_memory_bytes", 1 / MEBIBYTE),
    "smallest error": _smallest,
    "seeds": cells.text("seeds"),
    "status": cells.text("status"),
}


def gradients_table(data: Sequence[GradientData]) -> Table:
    """Return medians over seeds at the usual forward tolerance, a row per method and state.

    `least_error` is the smallest over the budgets that a method was swept over, at `best_budget`.
    """
    rows = [
        dict(zip([*_KEY, "method"], key, strict=True)) | _numbers(group, each)
        for each in data
        for state in each.states
        for key, group in _shown(each, state).groupby([*_KEY, "legend"], sort=False)
    ]
    # A stable sort: within a workload the states and methods keep their order.
    numbers = pd.DataFrame(rows).sort_values(["problem", "layer", "size"], kind="stable")
    notes = ["! fewer than 95 % of the forward or of the adjoint solves converged"]
    shown = notes if numbers["unconverged"].any() else []
    caption = f"Medians over seeds; {_tolerance(data)}."
    return Table("gradients_summary", numbers, COLUMNS, caption, shown)


def terminal_gradients(data: Sequence[GradientData]) -> str:
    """Return the table as aligned plain text for a terminal; empty if nothing was measured."""
    if not data:
        return ""
    table = gradients_table(data)
    shown = table.cells
    single = [name for name in list(COLUMNS)[:4] if shown[name].nunique() == 1]
    common = ", ".join(f"{name.partition(' (')[0]} {shown[name].iloc[0]}" for name in single)
    heading = f"gradients: {common}{'; ' if common else ''}medians over seeds; {_tolerance(data)}"
    if all(status.endswith(" completed") for status in shown["status"]):
        single.append("status")
    aligned = terminal_table(shown.drop(columns=single))
    return "\n".join([*terminal_lines(heading), "", aligned, *terminal_lines(*table.notes)])


def failed_measurements(data: Sequence[GradientData]) -> list[str]:
    """Return a line for each measurement that failed: what, its status and its message."""
    tables = [each.table[each.table["status"] != COMPLETED] for each in data]
    return [
        printable(
            f"{row['problem']} {row['size']} px {row['layer']} seed {row['seed']} {row['state']}, "
            f"{row['label']} at {plain(row['tolerance'])}: {row['status']}. {row['message']}",
            400,
        )
        for table in tables
        for row in table.to_dict("records")
    ]


def _shown(data: GradientData, state: str) -> pd.DataFrame:
    return data.table[data.table["shown"] & (data.table["state"] == state)]


def _numbers(group: pd.DataFrame, data: GradientData) -> dict[str, object]:
    done = completed(at_tolerance(group, data.tolerance))
    worst = {name: float(done[name].min()) for name in _CONVERGED}
    return {
        **{name: float(done[name].median()) for name in _MEDIANS},
        **worst,
        "unconverged": any(value < CONVERGED_ENOUGH for value in worst.values()),
        **_best(group.iloc[0].to_dict(), data),
        "seeds": int(done["seed"].nunique()),
        "status": status_counts(group),
    }


def _best(row: Row, data: GradientData) -> dict[str, object]:
    """The least median error over the budgets of the row's line, on the same workload."""
    table, same = data.usual, ["size", "state", "line"]
    table = table[(table[same] == [row[name] for name in same]).all(axis=1)]
    errors = table.groupby("budget")["relative_error"].median().dropna()
    if len(errors) < 2:
        return {"least_error": math.nan, "best_budget": math.nan}
    return {"least_error": float(errors.min()), "best_budget": float(str(errors.idxmin()))}


def _tolerance(data: Sequence[GradientData]) -> str:
    at = data[0].tolerance
    return f"forward tolerance {plain(at)}" if math.isfinite(at) else "no forward solve"
