"""Kaplan-Meier curves of the training time to the target."""

from __future__ import annotations

from typing import Any

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


def data(view: View) -> pd.DataFrame | None:
    """Return the steps of each curve and, with a seed, the ticks; None when no seed arrives.

    fraction: of the seeds, from train_seconds on.
    """
    runs = view.trained
    if not np.isfinite(runs["reached"]).any():
        return None
    right = _right(runs)
    return pd.concat(
        [_steps(own, right, str(name)) for name, own in runs.groupby("legend", sort=False)],
        ignore_index=True,
    )


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a step curve per trained method; None when no method trains or none arrives."""
    table, runs = data(view), view.trained
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.0)
    legends = list(dict.fromkeys(runs["legend"]))
    arrived = runs.loc[np.isfinite(runs["reached"]), "reached"]
    handles = [
        _method(axes, table[table["method"] == name], view.styles[name], moved)
        for name, moved in zip(legends, canvas.side_by_side(axes, len(legends)), strict=True)
    ]
    ends = [*arrived, *runs["below"]]
    canvas.set_x_scale(axes, ends, canvas.scale_for(arrived), right=_right(runs))
    axes.set(ylim=(-0.06, 1.06), xlabel="training time (s)", ylabel="fraction of seeds")
    tick = "; tick: training ended below" if np.isinf(runs["reached"]).any() else ""
    shown = f"{seeds_text(runs)}{tick}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}, target {view.dataset.target}: {shown}")
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def _right(runs: pd.DataFrame) -> float:
    """Return where the axis of times ends."""
    arrived = runs.loc[np.isfinite(runs["reached"]), "reached"]
    return 1.05 * float(max(*arrived, *runs["below"]))


def _steps(runs: pd.DataFrame, right: float, legend: str) -> pd.DataFrame:
    """Return the steps of a method's curve, and where the training of seeds ended below."""
    times, survival = kaplan_meier(runs["reached"].to_numpy(), followed(runs, right))
    times, arrived = np.append(0.0, times), 1 - np.append(1.0, survival)
    if arrived[-1] == 1:  # else nothing is known of what is beyond the last time
        times, arrived = np.append(times, right), np.append(arrived, 1.0)
    curve = pd.DataFrame({"method": legend, "train_seconds": times, "fraction": arrived})
    ended = runs[np.isinf(runs["reached"])]
    heights = arrived[np.searchsorted(times, ended["below"], side="right") - 1]
    ticks: pd.DataFrame = ended[["seed", "below"]].rename(columns={"below": "train_seconds"})
    ticks = ticks.astype({"seed": "Int64"}).assign(method=legend, fraction=heights)
    return pd.concat([curve.assign(seed=pd.Series(dtype="Int64")), ticks])


def _method(axes: Axes, table: pd.DataFrame, style: MethodStyle, moved: Transform) -> Artist:
    curve, ticks = table[table["seed"].isna()], table[table["seed"].notna()]
    step = {"where": "post", "lw": 1.0, "transform": moved, **style.line}
    (line,) = axes.step(curve["train_seconds"], curve["fraction"], **step)
    tick: Any = {"ls": "", "marker": "|", "ms": 7, "color": style.color, "transform": moved}
    axes.plot(ticks["train_seconds"], ticks["fraction"], **tick)
    return line
