"""Peak memory of a training step against the applications of T in it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.gradient_canvas import (
    draw_states,
    headline,
    line_points,
    line_with_bars,
    name_axes,
)
from reports.figures.view import GradientView
from reports.format import MEBIBYTE

SECTION = "gradients"
TITLE = "Memory against iterations"
CAPTION = (
    "Peak memory of one forward and backward pass against its applications of T. A line is a "
    "method over the forward tolerances, or over its steps where it does not use the forward "
    "solver. The line of an implicit method is flat, because what it stores does not depend on the "
    "iterations; unrolling stores each of its steps, and a method that reuses the history of the "
    "forward solver, such as shine, stores that history."
)


def data(view: GradientView) -> pd.DataFrame | None:
    """Return the peak and the applications of T, by method, state and tolerance or budget."""
    table = view.completed[view.completed["shown"] | view.completed["tolerance"].isna()]
    table = table.assign(peak_memory_mib=table["peak_memory_bytes"] / MEBIBYTE)
    table = table[(table["peak_memory_mib"] > 0) & (table["forward_evaluations"] > 0)]
    if table.empty:
        return None
    # A method that does not use the forward solver goes by its line, over all its steps.
    named = table["legend"].where(table["tolerance"].notna() | table["shown"], table["line"])
    free = table["tolerance"].isna().groupby(named).transform("all")
    columns = ["forward_evaluations", "peak_memory_mib"]
    points = [
        line_points(own, by, columns, "legend")
        for by, own in (("tolerance", table[~free]), ("budget", table.assign(legend=named)[free]))
        if len(own)
    ]
    ends = ["forward_evaluations_low", "forward_evaluations_high"]
    return pd.concat(points, ignore_index=True).drop(columns=ends)


@canvas.themed
def draw(view: GradientView) -> Figure | None:
    """Draw a line per method in a panel per state; None when no memory was measured."""
    table = data(view)
    if table is None:
        return None

    def line(axes: Axes, points: pd.DataFrame, name: str) -> None:
        line_with_bars(axes, points, "forward_evaluations", "peak_memory_mib", view.styles[name])

    figure, axes = draw_states(view, table, "legend", line)
    for panel in axes:
        canvas.set_x_scale(panel, table["forward_evaluations"])
    name_axes(axes, "applications of T", "peak memory (MiB)")
    if canvas.scale_for(table["peak_memory_mib"]) == "linear":
        axes[0].set_ylim(bottom=0)
    else:
        canvas.logarithmic_y(axes[0], table["peak_memory_mib"])
    headline(figure, view, table, "a point for each forward tolerance, or number of steps")
    return figure
