"""Time to a common target, every seed shown."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.times import brackets, median_bracket
from reports.figures import canvas
from reports.figures.style import MethodStyle
from reports.figures.view import View, seeds_text

SECTION = "training"
TITLE = "Training time to the target"
CAPTION = (
    "Training time from which the PSNR on the validation images stays at or above the target, one "
    "mark per seed. The bar before a mark extends to the last evaluation below the target: the "
    "true time lies between the two. The black tick is the median. An open mark with an arrow is a "
    "run that did not keep the target until the end of its training. Methods that do not train are "
    "not shown."
)

MOST_ARROWS = 20  # of a method; they lie on each other


def data(view: View) -> pd.DataFrame | None:
    """Return a row per seed, and the median (without a seed) of each method where it is drawn.

    reached_seconds: infinite where the target (dB) was not kept; below_seconds: the last evaluation
    below it.
    """
    runs = view.trained
    if runs.empty:
        return None
    names = {"legend": "method", "below": "below_seconds", "reached": "reached_seconds"}
    seeds = runs[["legend", "seed", "target", "below", "reached"]].rename(columns=names)
    medians = pd.DataFrame(
        {"method": name, "reached_seconds": median_bracket(brackets(own)).reached}
        for name, own in runs.groupby("legend", sort=False)
    )
    drawn: pd.DataFrame = medians[np.isfinite(medians["reached_seconds"])]
    return pd.concat([seeds.astype({"seed": "Int64"}), drawn], ignore_index=True)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a row per trained method; None when no method trains."""
    runs, table = view.trained, data(view)
    if table is None:
        return None
    legends = list(dict.fromkeys(runs["legend"]))
    figure, axes = canvas.column_axes(1.0 + 0.3 * len(legends))
    budgets = list(runs.loc[runs["reached"].map(math.isinf), "below"])
    ends = [*runs.loc[runs["reached"].map(math.isfinite), "reached"], *budgets]
    scale = canvas.scale_for(ends)
    right = 1.15 * max(ends) if scale == "linear" else None
    canvas.set_x_scale(axes, [*ends, *runs["below"]], scale, right=right)
    for row, legend in enumerate(legends):
        _method(axes, row, table[table["method"] == legend], view.styles[legend])
    canvas.name_rows(axes, view.named(legends))
    # A range where seeds differ in their observed image.
    levels = dict.fromkeys(f"{level:.1f}" for level in (runs["target"].min(), runs["target"].max()))
    axes.set_xlabel(f"training time to {'–'.join(levels)} dB (s)")
    arrow = "; arrow: not kept" if budgets else ""
    shown = f"{seeds_text(runs)}, one mark each; black tick: median{arrow}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}, target {view.dataset.target}: {shown}")
    return figure


def _method(axes: Axes, row: int, table: pd.DataFrame, style: MethodStyle) -> None:
    of_seed = table["seed"].notna()
    seeds = table[of_seed].assign(row=[row + each for each in canvas.seed_offsets(of_seed.sum())])
    infinite = np.isinf(seeds["reached_seconds"])
    there = seeds[~infinite]
    if len(there):  # one artist for all seeds: there may be a hundred
        starts, ends = there["below_seconds"], there["reached_seconds"]
        axes.hlines(there["row"], starts, ends, color=style.color, lw=1.2)
        axes.plot(ends, there["row"], **style.marks)
    arrow = {"arrowstyle": "<-", "color": style.color, "lw": 1.0, "shrinkA": 0, "shrinkB": 2}
    outside: Any = {"textcoords": "offset points", "annotation_clip": False}
    censored = seeds.loc[infinite, ["below_seconds", "row"]].head(MOST_ARROWS)
    for place in censored.itertuples(index=False, name=None):
        axes.plot(*place, mfc="white", zorder=3, **style.marks)
        axes.annotate("", xy=place, xytext=(18, 0), arrowprops=arrow, **outside)
    for median in table.loc[~of_seed, "reached_seconds"]:
        axes.vlines(median, row - 0.34, row + 0.34, color="black", lw=1.2, zorder=1.5)
