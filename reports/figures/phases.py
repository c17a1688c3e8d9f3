"""Where the time of a training step goes."""

from __future__ import annotations

import pandas as pd
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


def data(view: View) -> pd.DataFrame | None:
    """Return a row per method and phase of a step; counts of a step are the same in each."""
    table = phase_means(view.runs)
    if table.empty:
        return None
    return pd.DataFrame(
        {
            **{"method": row["legend"], "phase": phase},
            "milliseconds": 1000 * row[f"{phase}_seconds"],
            **{"evaluations": row["evaluations"], "vjps": row["vjps"]},
        }
        for row in table.to_dict("records")
        for phase in PHASES
    )


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a stacked bar per trained method; None when no run has its phases."""
    table = data(view)
    if table is None:
        return None
    names = list(table["method"].unique())
    figure, axes = canvas.column_axes(1.0 + 0.25 * len(names))
    ends = table.groupby("method", sort=False)["milliseconds"].cumsum()
    for phase, color in zip(PHASES, COLORS, strict=True):
        own = table[table["phase"] == phase]
        left = ends[own.index] - own["milliseconds"]
        axes.barh(range(len(own)), own["milliseconds"], left=left, height=0.62, color=color)
    for at, row in enumerate(
        table.assign(end=ends)[table["phase"] == PHASES[-1]].to_dict("records")
    ):
        text = f"{number(row['evaluations'])} + {number(row['vjps'])}"
        axes.annotate(text, (row["end"], at), xytext=(3, 0), **{**canvas.BESIDE, "fontsize": 6.5})
    canvas.name_rows(axes, names)
    axes.set_xlim(0, canvas.right_end(1.4 * ends.max()))
    axes.set_xlabel("time of a training step (ms)")
    shown = view.completed[view.completed["legend"].isin(names)]
    counted = f"evaluations + VJPs per step{view.timing_note}"
    canvas.heading(figure, f"{view.title}: mean of {seeds_text(shown)}; {counted}")
    canvas.legend_below(figure, [Patch(color=color) for color in COLORS], list(PHASES))
    return figure
