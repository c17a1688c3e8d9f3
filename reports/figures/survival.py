"""Kaplan-Meier curves of the training time to the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.transforms import Transform

from reports.figures.canvas import (
    column_axes,
    heading,
    legend_below,
    scale_for,
    set_x_scale,
    side_by_side,
    themed,
)
from reports.stats.survival import kaplan_meier
from reports.data.times import followed
from reports.figures.view import View, seeds_text

NAME = "survival"
SECTION = "training"
TITLE = "Which part of the seeds has reached the target"
EXPLANATION = (
    "One minus the Kaplan-Meier estimate of the time to the target. A curve that stays below 1 has "
    "seeds that never got there; a vertical tick is where the training of such a seed ended, after "
    "which it counts as not there. Only a seed that its time limit cut off is censored at its "
    "tick. Times are those of the first evaluation at or above the target. Curves are moved apart "
    "by a line's width, so that equal ones are seen."
)


@themed
def draw(view: View) -> Figure | None:
    """Draw a step curve per trained method; None when no method trains or none arrives."""
    runs = view.runs[view.runs["below"].notna()]
    legends = list(dict.fromkeys(runs["legend"]))
    if not legends or not np.isfinite(runs["reached"]).any():
        return None
    figure, axes = column_axes(2.0)
    ends = [*runs.loc[np.isfinite(runs["reached"]), "reached"], *runs["below"]]
    right = 1.05 * max(ends)
    handles = [
        _method(axes, runs[runs["legend"] == name], view, right, moved)
        for name, moved in zip(legends, side_by_side(axes, len(legends)), strict=True)
    ]
    set_x_scale(axes, ends, scale_for(runs.loc[np.isfinite(runs["reached"]), "reached"]))
    axes.set_xlim(right=right)
    axes.set_ylim(-0.06, 1.06)
    axes.set_xlabel("training time (s)")
    axes.set_ylabel("part of the seeds")
    tick = "; tick: training ended before" if np.isinf(runs["reached"]).any() else ""
    heading(
        figure,
        f"{view.place}, target {view.target}: {seeds_text(runs)}{tick}{view.flag_note(legends)}"
        f"{view.timed_note}",
    )
    legend_below(figure, handles, view.named(legends))
    return figure


def _method(axes: Axes, runs: pd.DataFrame, view: View, right: float, moved: Transform) -> Artist:
    style = view.styles[runs["legend"].iloc[0]]
    curve = kaplan_meier(runs["reached"].to_numpy(), followed(runs, right))
    times = np.concatenate([[0.0], curve.times])
    arrived = 1 - np.concatenate([[1.0], curve.survival])
    if arrived[-1] == 1:  # else nothing is known of what is beyond the last time
        times, arrived = np.append(times, right), np.append(arrived, 1.0)
    (line,) = axes.step(
        times, arrived, where="post", color=style.color, ls=style.linestyle, lw=1.0,
        transform=moved,
    )  # fmt: skip
    ended = runs.loc[np.isinf(runs["reached"]), "below"].to_numpy()
    heights = [arrived[np.searchsorted(times, time, side="right") - 1] for time in ended]
    axes.plot(ended, heights, ls="", marker="|", ms=7, color=style.color, transform=moved)
    return line
