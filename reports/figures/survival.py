"""Kaplan-Meier curves of the training time to the target."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.canvas import (
    column_axes,
    heading,
    legend_below,
    scale_for,
    set_x_scale,
    themed,
)
from reports.stats.survival import kaplan_meier
from reports.views import View, seeds_text

NAME = "survival"
SECTION = "training"
TITLE = "Which part of the seeds has reached the target"
EXPLANATION = (
    "One minus the Kaplan-Meier estimate of the time to the target. A curve that stays below 1 has "
    "seeds that never got there; a vertical tick is where the training of such a seed ended. Times "
    "are those of the first evaluation at or above the target."
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
    handles = [_method(axes, runs[runs["legend"] == name], view, right) for name in legends]
    set_x_scale(axes, ends, scale_for(runs.loc[np.isfinite(runs["reached"]), "reached"]))
    axes.set_xlim(right=right)
    axes.set_ylim(-0.03, 1.05)
    axes.set_xlabel("training time (s)")
    axes.set_ylabel("part of the seeds")
    heading(figure, f"{view.place}, target {view.target}: {seeds_text(runs)}; tick: censored")
    legend_below(figure, handles, legends)
    return figure


def _method(axes: Axes, runs: pd.DataFrame, view: View, right: float) -> Artist:
    style = view.styles[runs["legend"].iloc[0]]
    curve = kaplan_meier(runs["reached"].to_numpy(), runs["below"].to_numpy())
    times = np.concatenate([[0.0], curve.times, [right]])
    arrived = 1 - np.concatenate([[1.0], curve.survival, curve.survival[-1:]])
    (line,) = axes.step(
        times, arrived, where="post", color=style.color, ls=style.linestyle, alpha=0.9
    )
    censored = runs.loc[np.isinf(runs["reached"]), "below"].to_numpy()
    heights = [arrived[np.searchsorted(times, time, side="right") - 1] for time in censored]
    axes.plot(censored, heights, ls="", marker="|", ms=7, color=style.color)
    return line
