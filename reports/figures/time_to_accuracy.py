"""Time to a common target, every seed shown."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.times import brackets, median_bracket
from reports.figures import canvas
from reports.figures.style import MethodStyle
from reports.figures.view import View, seeds_text

NAME = "time_to_accuracy"
SECTION = "training"
TITLE = "Training time to the target"
CAPTION = (
    "Training time until the PSNR on the test images reaches the target, one mark per seed. The "
    "bar before a mark extends to the last evaluation below the target: the true time lies between "
    "the two. The black tick is the median. An open mark with an arrow is a run that did not reach "
    "the target within its training. Methods that do not train are not shown."
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
    axes.set_xlabel(f"training time to {_level(runs)} (s)")
    arrow = "; arrow: not reached" if budgets else ""
    canvas.heading(
        figure,
        f"{view.title}, target {view.dataset.target}: {seeds_text(runs)}, one mark each; "
        f"black tick: median{arrow}{view.notes(legends)}",
    )
    return figure


def _level(runs: pd.DataFrame) -> str:
    """Return the target in dB; a range where seeds differ in their observed image."""
    low, high = f"{runs['target'].min():.1f}", f"{runs['target'].max():.1f}"
    return f"{low} dB" if low == high else f"{low} to {high} dB"


def _method(axes: Axes, row: int, runs: pd.DataFrame, style: MethodStyle) -> None:
    each = brackets(runs)
    placed = [
        (row + offset, at) for offset, at in zip(canvas.seed_offsets(len(each)), each, strict=True)
    ]
    there = [(height, bracket) for height, bracket in placed if not bracket.censored]
    if there:  # one artist for all seeds: there may be a hundred
        heights, arrived = zip(*there, strict=True)
        ends = [bracket.reached for bracket in arrived]
        axes.hlines(
            heights, [bracket.below for bracket in arrived], ends, color=style.color, lw=1.2
        )
        axes.plot(ends, heights, **style.marks)
    censored = [(bracket.below, height) for height, bracket in placed if bracket.censored]
    for budget, height in censored[:MOST_ARROWS]:
        _arrow(axes, budget, height, style)
    median = median_bracket(each)
    if not median.censored:
        axes.vlines(median.reached, row - 0.34, row + 0.34, color="black", lw=1.2, zorder=1.5)


def _arrow(axes: Axes, budget: float, height: float, style: MethodStyle) -> None:
    axes.plot(budget, height, mfc="white", zorder=3, **style.marks)
    arrow = {"arrowstyle": "<-", "color": style.color, "lw": 1.0, "shrinkA": 0, "shrinkB": 2}
    axes.annotate(
        "",
        xy=(budget, height),
        xytext=(18, 0),
        textcoords="offset points",
        arrowprops=arrow,
        annotation_clip=False,
    )
