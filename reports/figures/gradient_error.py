"""Error of the gradient against the time of the backward pass, per method over its budgets."""

from __future__ import annotations

import numpy as np
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
from reports.format import plain

SECTION = "gradients"
TITLE = "Gradient error against backward time"
CAPTION = (
    "Error of dℓ/dθ relative to the reference gradient in double precision, against the time of "
    "the backward pass; down and to the left is better. A line is a method over its budgets "
    "(steps, terms or iterations); the number at its end is the largest budget. The forward "
    "tolerance is the usual one, and bounds the error from below. Applications of T that a method "
    "records count as forward time, so that half of the cost of an unrolled step is not shown."
)


def data(view: GradientView) -> pd.DataFrame | None:
    """Return the error and the time of the backward pass, by method, state and budget."""
    table = view.usual.assign(milliseconds=1000 * view.usual["backward_seconds"])
    measured = np.isfinite(table["relative_error"]) & (table["relative_error"] > 0)
    table = table[measured & (table["milliseconds"] > 0)]
    if table.empty:
        return None
    points = line_points(table, "budget", ["milliseconds", "relative_error"], "line")
    return points.drop(columns=["milliseconds_low", "milliseconds_high"])


@canvas.themed
def draw(view: GradientView) -> Figure | None:
    """Draw a line per method in a panel per state; None when nothing was measured."""
    table = data(view)
    if table is None:
        return None

    def line(axes: Axes, points: pd.DataFrame, name: str) -> None:
        style = view.styles[name]
        line_with_bars(axes, points, "milliseconds", "relative_error", style)
        _name_end(axes, points, style.color)

    figure, axes = draw_states(view, table, "line", line)
    for panel in axes:
        canvas.set_x_scale(panel, table["milliseconds"], "log")
    ends = table.filter(like="relative_error").to_numpy().ravel()
    canvas.logarithmic_y(axes[0], ends)
    name_axes(axes, "backward time per batch (ms)", "relative error")
    left_out = canvas.left_out(view.usual["relative_error"])
    headline(figure, view, table, f"forward tolerance {plain(view.tolerance)}{left_out}")
    return figure


def _name_end(axes: Axes, points: pd.DataFrame, color: str) -> None:
    """Write the largest budget beside the end of a line; the least ones would lie on one spot."""
    swept = points[points["budget"].notna()]
    if len(swept) < 2:
        return
    end = swept.iloc[-1]
    place = (end["milliseconds"], end["relative_error"])
    look = {**canvas.BESIDE, "va": "baseline", "fontsize": 6, "color": color}
    axes.annotate(f"{end['budget']:g}", place, xytext=(2, 4), **look)
