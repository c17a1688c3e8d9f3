"""Time to a common target, every seed shown."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.canvas import (
    column_axes,
    heading,
    name_rows,
    scale_for,
    seed_offsets,
    set_x_scale,
    themed,
)
from reports.data.times import Interval, median_interval
from reports.figures.view import View, seeds_text

NAME = "time_to_accuracy"
SECTION = "training"
TITLE = "Training time to the target"
EXPLANATION = (
    "Training seconds until the test PSNR reaches the target, a mark per seed. The bar before a "
    "mark goes back to the last evaluation below the target: the truth lies inside it. The black "
    "tick is the median. An open mark with an arrow is a run that did not reach the target in "
    "the training that it had. Methods that do not train are not shown."
)

MOST_ARROWS = 20  # of a method; they lie on each other


@themed
def draw(view: View) -> Figure | None:
    """Draw a row per trained method; None when no method trains."""
    runs = view.runs[view.runs["below"].notna()]
    legends = list(dict.fromkeys(runs["legend"]))
    if not legends:
        return None
    figure, axes = column_axes(1.0 + 0.3 * len(legends))
    ends = [*runs.loc[runs["reached"].map(math.isfinite), "reached"], *_budgets(runs)]
    set_x_scale(axes, [*ends, *runs["below"]], scale_for(ends))
    for row, legend in enumerate(legends):
        _method(axes, row, runs[runs["legend"] == legend], view)
    name_rows(axes, view.named(legends))
    right = axes.get_xlim()[1]
    axes.set_xlim(right=max(right, 1.15 * max(ends, default=1.0)))
    axes.set_xlabel(f"training time to {_level(runs)} (s)")
    arrow = "; arrow: not reached" if _budgets(runs) else ""
    heading(
        figure,
        f"{view.place}, target {view.target}: {seeds_text(runs)}, a mark each; "
        f"black tick: median{arrow}{view.flag_note(legends)}{view.timed_note}",
    )
    return figure


def _budgets(runs: pd.DataFrame) -> list[float]:
    return list(runs.loc[runs["reached"].map(math.isinf), "below"])


def _level(runs: pd.DataFrame) -> str:
    """Return the target in dB; a range where seeds differ in their observed image."""
    low, high = f"{runs['psnr_target'].min():.1f}", f"{runs['psnr_target'].max():.1f}"
    return f"{low} dB" if low == high else f"{low} to {high} dB"


def _method(axes: Axes, row: int, runs: pd.DataFrame, view: View) -> None:
    style = view.styles[runs["legend"].iloc[0]]
    pairs = zip(runs["below"], runs["reached"], strict=True)
    intervals = [Interval(below, reached) for below, reached in pairs]
    height = {at: row + offset for at, offset in enumerate(seed_offsets(len(intervals)))}
    there = [(height[at], each) for at, each in enumerate(intervals) if not each.censored]
    if there:  # one artist for all seeds: there may be a hundred
        heights, arrived = zip(*there, strict=True)
        ends = [each.reached for each in arrived]
        axes.hlines(heights, [each.below for each in arrived], ends, color=style.color, lw=1.2)
        axes.plot(ends, heights, ls="", marker=style.marker, color=style.color)
    censored = [(each.below, height[at]) for at, each in enumerate(intervals) if each.censored]
    for budget, place in censored[:MOST_ARROWS]:
        _arrow(axes, budget, place, style.color, style.marker)
    median = median_interval(intervals)
    if not median.censored:
        axes.vlines(median.reached, row - 0.34, row + 0.34, color="black", lw=1.2, zorder=1.5)


def _arrow(axes: Axes, budget: float, height: float, color: str, marker: str) -> None:
    axes.plot(budget, height, marker=marker, color=color, mfc="white", zorder=3)
    axes.annotate(
        "",
        xy=(budget, height),
        xytext=(18, 0),
        textcoords="offset points",
        arrowprops={"arrowstyle": "<-", "color": color, "lw": 1.0, "shrinkA": 0, "shrinkB": 2},
        annotation_clip=False,
    )
