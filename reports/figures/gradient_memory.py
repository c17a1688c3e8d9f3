"""Peak memory of a training step against the applications of T in it."""

from __future__ import annotations

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.gradient_canvas import draw_states, headline, line_with_bars
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


@canvas.themed
def draw(view: GradientView) -> Figure | None:
    """Draw a line per method in a panel per state; None when no memory was measured."""
    table = view.completed[view.completed["shown"] | view.completed["tolerance"].isna()]
    table = table.assign(mebibytes=table["peak_memory_bytes"] / MEBIBYTE)
    table = table[(table["mebibytes"] > 0) & (table["forward_evaluations"] > 0)]
    if table.empty:
        return None

    def line(axes: Axes, points: pd.DataFrame, name: str) -> None:
        by = "budget" if points["tolerance"].isna().all() else "tolerance"
        line_with_bars(axes, points, by, "forward_evaluations", "mebibytes", view.styles[name])

    # A method that does not use the forward solver goes by its line, over all its steps.
    named = table["legend"].where(table["tolerance"].notna() | table["shown"], table["line"])
    figure, axes = draw_states(view, table.assign(legend=named), "legend", line)
    for panel in axes:
        canvas.set_x_scale(panel, table["forward_evaluations"])
        panel.set_xlabel("applications of T")
    axes[0].set_ylabel("peak memory (MiB)")
    if canvas.scale_for(table["mebibytes"]) == "linear":
        axes[0].set_ylim(bottom=0)
    else:
        canvas.logarithmic_y(axes[0], table["mebibytes"])
    headline(figure, view, table, "a point for each forward tolerance, or number of steps")
    return figure
