"""Where the time of a training step goes."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.figures.canvas import column_axes, heading, legend_below, name_rows, themed
from reports.tables.phases import PHASES, phases_table
from reports.format import number
from reports.figures.view import View, seeds_text

NAME = "phases"
SECTION = "cost"
TITLE = "The phases of a training step"
EXPLANATION = (
    "Milliseconds of a training step by phase, mean over steps and seeds. Beside each bar: "
    "evaluations of T and vector-Jacobian products of a step, which do not depend on the hardware."
)
COLORS = ("#999999", "#56B4E9", "#D55E00", "#F0E442")


@themed
def draw(view: View) -> Figure | None:
    """Draw a stacked bar per trained method; None when no run has its phases."""
    table = phases_table(view.results)
    if table.empty:
        return None
    table = table[(table["problem"] == view.problem) & (table["size"] == view.size)]
    if table.empty:
        return None
    figure, axes = column_axes(1.0 + 0.25 * len(table))
    left = 0.0 * table["data_seconds"]
    for name, color in zip(PHASES, COLORS, strict=True):
        width = 1000 * table[f"{name}_seconds"]
        axes.barh(range(len(table)), width, left=left, height=0.62, color=color)
        left = left + width
    for row, (end, counts) in enumerate(zip(left, table.to_dict("records"), strict=True)):
        axes.annotate(
            f"{number(counts['evaluations'])} + {number(counts['vjps'])}",
            (end, row),
            xytext=(3, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
        )
    name_rows(axes, list(table["legend"]))
    axes.set_xlim(0, 1.4 * left.max())
    axes.set_xlabel("time of a training step (ms)")
    shown = view.completed[view.completed["legend"].isin(table["legend"])]
    costs = f"evaluations + VJPs of a step{view.timed_note}"
    heading(figure, f"{view.place}: mean of {seeds_text(shown)}; {costs}")
    handles = [Patch(color=color) for color in COLORS]
    legend_below(figure, list(handles), list(PHASES))
    return figure
