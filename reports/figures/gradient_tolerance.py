"""Cosine between the gradient and the reference against the tolerance of the forward solve."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter

from reports.figures import canvas
from reports.figures.gradient_canvas import (
    draw_states,
    headline,
    line_points,
    line_with_bars,
    name_axes,
)
from reports.figures.view import GradientView

SECTION = "gradients"
TITLE = "Cosine against forward tolerance"
CAPTION = (
    "Cosine of the angle between dℓ/dθ and the reference gradient against the forward tolerance, "
    "each method at its default budget; up is better, and the fixed point is solved more tightly "
    "to the right. The vertical axis is logarithmic in 1 - cosine: each 9 is a factor of ten. A "
    "horizontal line is a method that does not use the forward solver."
)
NEAREST = 1e-8  # to 1 that is shown: the resolution of single precision
TICKS = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8)


def data(view: GradientView) -> pd.DataFrame | None:
    """Return the cosine by method, state and forward tolerance (NaN of a method without one)."""
    table = view.completed[view.completed["shown"]]
    table = table[np.isfinite(table["cosine"])]
    if len(canvas.positive(table["tolerance"].unique())) < 2:
        return None
    return line_points(table, "tolerance", ["cosine"], "legend")


@canvas.themed
def draw(view: GradientView) -> Figure | None:
    """Draw a line per method in a panel per state; None for a single tolerance."""
    table = data(view)
    if table is None:
        return None
    tolerances = canvas.positive(table["tolerance"].unique())
    table = table.assign(
        distance=_distance(table["cosine"]),
        distance_low=_distance(table["cosine_high"]),
        distance_high=_distance(table["cosine_low"]),
    )
    figure, axes = draw_states(view, table, "legend", lambda *given: _line(view, *given))
    for panel in axes:
        loosest, tightest = 1.5 * max(tolerances), min(tolerances) / 1.5
        panel.set(xscale="log", xlim=(loosest, tightest))
        canvas.fixed_ticks(panel.xaxis, tolerances)
    _scale_cosine(axes[0], table["distance_low"].min(), table["distance_high"].max())
    name_axes(axes, "forward tolerance", "cosine with the reference")
    left_out = canvas.left_out(view.completed.loc[view.completed["shown"], "cosine"])
    headline(figure, view, table, f"each at its default budget{left_out}")
    return figure


def _distance(cosine: pd.Series[float]) -> pd.Series[float]:
    return (1 - cosine).clip(lower=NEAREST)


def _line(view: GradientView, axes: Axes, points: pd.DataFrame, name: str) -> None:
    style = view.styles[name]
    for level in points.loc[points["tolerance"].isna(), "distance"]:
        axes.axhline(level, lw=1.2, **style.line)
        axes.plot([0.5], [level], transform=axes.get_yaxis_transform(), **style.marks)
    solved = points[points["tolerance"] > 0]
    line_with_bars(axes, solved, "tolerance", "distance", style)


def _scale_cosine(axes: Axes, least: float, largest: float) -> None:
    """Show 1 - cosine on a falling logarithmic axis, labelled with the cosine."""
    low, high = least / 1.6, largest * 1.6
    # Limits before the scale: matplotlib finds none for equal values on a logarithmic axis.
    axes.set(ylim=(high, low), yscale="log")
    between = (2.0, 0.5) if low >= 1e-3 else ()  # where there is room for a factor of two
    canvas.fixed_ticks(axes.yaxis, [tick for tick in (*between, *TICKS) if low <= tick <= high])
    axes.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{1 - value:.10g}"))
