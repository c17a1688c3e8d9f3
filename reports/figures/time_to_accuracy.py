"""Time to a common target, every seed shown."""

from __future__ import annotations

import math
from typing import Any

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


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a row per trained method; None when no method trains."""
    runs = view.trained
    legends = list(dict.fromkeys(runs["legend"]))
    if not legends:
        return None
    figure, axes = canvas.column_axes(1.0 + 0.3 * len(legends))
    budgets = list(runs.loc[runs["reached"].map(math.isinf), "below"])
    ends = [*runs.loc[runs["reached"].map(math.isfinite), "reached"], *budgets]
    scale = canvas.scale_for(ends)
    right = 1.15 * max(ends) if scale == "linear" else None
    canvas.set_x_scale(axes, [*ends, *runs["below"]], scale, right=right)
    for row, legend in enumerate(legends):
        _method(axes, row, runs[runs["legend"] == legend], view.styles[legend])
    canvas.name_rows(axes, view.named(legends))
    # A range where seeds differ in their observed image.
    levels = dict.fromkeys(f"{level:.1f}" for level in (runs["target"].min(), runs["target"].max()))
    axes.set_xlabel(f"training time to {'–'.join(levels)} dB (s)")
    arrow = "; arrow: not kept" if budgets else ""
    shown = f"{seeds_text(runs)}, one mark each; black tick: median{arrow}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}, target {view.dataset.target}: {shown}")
    return figure


def _method(axes: Axes, row: int, runs: pd.DataFrame, style: MethodStyle) -> None:
    each = brackets(runs)
    rows = [row + offset for offset in canvas.seed_offsets(len(each))]
    placed = list(zip(rows, each, strict=True))
    there = [(height, at.below, at.reached) for height, at in placed if not at.censored]
    if there:  # one artist for all seeds: there may be a hundred
        heights, starts, ends = zip(*there, strict=True)
        axes.hlines(heights, starts, ends, color=style.color, lw=1.2)
        axes.plot(ends, heights, **style.marks)
    censored = [(at.below, height) for height, at in placed if at.censored]
    arrow = {"arrowstyle": "<-", "color": style.color, "lw": 1.0, "shrinkA": 0, "shrinkB": 2}
    outside: Any = {"textcoords": "offset points", "annotation_clip": False}
    for place in censored[:MOST_ARROWS]:
        axes.plot(*place, mfc="white", zorder=3, **style.marks)
        axes.annotate("", xy=place, xytext=(18, 0), arrowprops=arrow, **outside)
    median = median_bracket(each)
    if not median.censored:
        axes.vlines(median.reached, row - 0.34, row + 0.34, color="black", lw=1.2, zorder=1.5)
