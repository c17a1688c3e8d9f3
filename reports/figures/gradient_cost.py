"""Time of the forward and of the backward pass against the size of the images."""

from __future__ import annotations

import pandas as pd
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.gradient_canvas import (
    headline,
    legend,
    line_points,
    line_with_bars,
    name_axes,
    panels,
)
from reports.figures.view import GradientView
from reports.format import plain

SECTION = "gradients"
TITLE = "Cost against image size"
CAPTION = (
    "Time of the forward and of the backward pass of one batch against image size, each method at "
    "its default budget and the usual forward tolerance. Methods that share the forward solver "
    "coincide on the left, except for the applications of T that they record there. A line that "
    "ends early failed at larger sizes."
)
PASSES = {"forward": "forward_seconds", "backward": "backward_seconds"}


def data(view: GradientView) -> pd.DataFrame | None:
    """Return the seconds of both passes of a batch, by method and size; None for a single size."""
    table = _measured(view)
    if table["size"].nunique() < 2:
        return None
    return line_points(table, "size", list(PASSES.values()), "legend")


@canvas.themed
def draw(view: GradientView) -> Figure | None:
    """Draw forward and backward time against size; None for a single size."""
    table = data(view)
    if table is None:
        return None
    names = list(dict.fromkeys(view.table.loc[view.table["shown"], "legend"]))
    figure, axes = panels(list(PASSES))
    for panel, column in zip(axes, PASSES.values(), strict=True):
        for name in names:
            points = table[table["method"] == name]
            line_with_bars(panel, points, "size", column, view.styles[name])
        panel.set_xscale("log", base=2)
        canvas.fixed_ticks(panel.xaxis, sorted(set(table["size"])))
    measured = _measured(view)
    canvas.logarithmic_y(axes[0], measured[list(PASSES.values())].to_numpy().ravel())
    name_axes(axes, "image size (pixels per side)", "time per batch (s)")
    legend(figure, view, {name: view.failure(name) for name in names})
    sizes = set(measured["batch_size"])
    batch = f", batch of {next(iter(sizes))}" if len(sizes) == 1 else ""
    headline(figure, view, table, f"forward tolerance {plain(view.tolerance)}{batch}")
    return figure


def _measured(view: GradientView) -> pd.DataFrame:
    """Return the measurements of the last state, each method at its default budget."""
    table = view.usual[view.usual["shown"] & (view.usual["state"] == view.states[-1])]
    return table[(table["forward_seconds"] > 0) & (table["backward_seconds"] > 0)]
