"""Where the time of a training step goes."""

from __future__ import annotations

from matplotlib.figure import Figure
from matplotlib.patches import Patch

from reports.data.phases import PHASES, phase_means
from reports.figures import canvas
from reports.figures.view import View, seeds_text
from reports.format import number

SECTION = "cost"
TITLE = "Phases of a training step"
CAPTION = (
    "Time of a training step by phase, mean over steps and seeds. Beside each bar: evaluations of "
    "T + vector-Jacobian products (VJPs) per step, which do not depend on the hardware."
)
COLORS = ("#999999", "#56B4E9", "#D55E00", "#F0E442")


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a stacked bar per trained method; None when no run has its phases."""
    table = phase_means(view.runs)
    if table.empty:
        return None
    figure, axes = canvas.column_axes(1.0 + 0.25 * len(table))
    left = 0.0 * table["data_seconds"]
    for name, color in zip(PHASES, COLORS, strict=True):
        width = 1000 * table[f"{name}_seconds"]
        axes.barh(range(len(table)), width, left=left, height=0.62, color=color)
        left = left + width
    for row, (end, counts) in enumerate(zip(left, table.to_dict("records"), strict=True)):
        text = f"{number(counts['evaluations'])} + {number(counts['vjps'])}"
        axes.annotate(text, (end, row), xytext=(3, 0), **{**canvas.BESIDE, "fontsize": 6.5})
    canvas.name_rows(axes, list(table["legend"]))
    axes.set_xlim(0, canvas.right_end(1.4 * left.max()))
    axes.set_xlabel("time of a training step (ms)")
    shown = view.completed[view.completed["legend"].isin(table["legend"])]
    counted = f"evaluations + VJPs per step{view.timing_note}"
    canvas.heading(figure, f"{view.title}: mean of {seeds_text(shown)}; {counted}")
    canvas.legend_below(figure, [Patch(color=color) for color in COLORS], list(PHASES))
    return figure
