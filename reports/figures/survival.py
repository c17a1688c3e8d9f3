"""Kaplan-Meier curves of the training time to the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from reports.data.times import followed
from reports.figures import canvas
from reports.figures.style import MethodStyle
from reports.figures.view import View, seeds_text
from reports.stats.survival import kaplan_meier

SECTION = "training"
TITLE = "Fraction of seeds that reached the target"
CAPTION = (
    "Fraction of seeds that have reached the target and keep it, against training time: one minus "
    "the Kaplan-Meier estimate, with the evaluation from which all later ones are at or above the "
    "target as the time. A curve that stays below 1 has seeds that did not keep it; a vertical "
    "tick marks where the training of such a seed ended. A seed stopped by its time limit is "
    "censored there; any other counts as not reached from then on. Curves are offset by a line's "
    "width to keep equal ones visible."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a step curve per trained method; None when no method trains or none arrives."""
    runs = view.trained
    arrived = runs.loc[np.isfinite(runs["reached"]), "reached"]
    if arrived.empty:
        return None
    figure, axes = canvas.column_axes(2.0)
    legends = list(dict.fromkeys(runs["legend"]))
    ends = [*arrived, *runs["below"]]
    right = 1.05 * max(ends)
    handles = [
        _method(axes, runs[runs["legend"] == name], view.styles[name], right, moved)
        for name, moved in zip(legends, canvas.side_by_side(axes, len(legends)), strict=True)
    ]
    canvas.set_x_scale(axes, ends, canvas.scale_for(arrived), right=right)
    axes.set(ylim=(-0.06, 1.06), xlabel="training time (s)", ylabel="fraction of seeds")
    tick = "; tick: training ended below" if np.isinf(runs["reached"]).any() else ""
    shown = f"{seeds_text(runs)}{tick}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}, target {view.dataset.target}: {shown}")
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def _method(
    axes: Axes, runs: pd.DataFrame, style: MethodStyle, right: float, moved: Transform
) -> Artist:
    times, survival = kaplan_meier(runs["reached"].to_numpy(), followed(runs, right))
    times, arrived = np.append(0.0, times), 1 - np.append(1.0, survival)
    if arrived[-1] == 1:  # else nothing is known of what is beyond the last time
        times, arrived = np.append(times, right), np.append(arrived, 1.0)
    (line,) = axes.step(times, arrived, where="post", lw=1.0, transform=moved, **style.line)
    ended = runs.loc[np.isinf(runs["reached"]), "below"].to_numpy()
    heights = [arrived[np.searchsorted(times, time, side="right") - 1] for time in ended]
    axes.plot(ended, heights, ls="", marker="|", ms=7, color=style.color, transform=moved)
    return line
