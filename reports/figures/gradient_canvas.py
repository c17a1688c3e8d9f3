"""What the figures of gradient measurements share: a panel per state, lines with seed bars."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.gradients import over_seeds
from reports.figures import canvas
from reports.figures.layout import layout
from reports.figures.style import MethodStyle
from reports.figures.view import GradientView
from reports.format import counted, printable

MOST_STATES = 4  # side by side; runs have two, initial and trained weights
LEAST_WIDTH = 1.78  # inches of a panel: four on a page, and one below the other in a column
LONGEST = 24  # characters of a state above its panel
DrawLine = Callable[[Axes, pd.DataFrame, str], None]


def panels(names: Sequence[str]) -> tuple[Figure, list[Axes]]:
    """Return axes that share y, side by side where there is room for it."""
    width = layout().width if len(names) == 1 else layout().widest
    across = layout().across(len(names), LEAST_WIDTH)
    rows = math.ceil(len(names) / across)
    figure = Figure(figsize=(width, 0.4 + 1.9 * rows), layout="constrained")
    every = list(figure.subplots(rows, across, sharey=True, squeeze=False).flat)
    axes = every[: len(names)]
    for empty in every[len(names) :]:
        empty.set_axis_off()
    if len(names) > 1:
        for each, name in zip(axes, names, strict=True):
            each.set_title(name, loc="left")
    return figure, axes


def line_points(table: pd.DataFrame, by: str, columns: list[str], name: str) -> pd.DataFrame:
    """Return the median over seeds of columns, with the least and largest, at each value of `by`.

    A row also has its method, called by the column `name` ("line" or "legend"), its state, and the
    number of seeds of the line.
    """
    parts = [
        over_seeds(own, ["state", by], columns).assign(method=line, seeds=own["seed"].nunique())
        for line, own in table.groupby(name, sort=False)
    ]
    points = pd.concat(parts, ignore_index=True)
    return points[
        ["method", "seeds", *(each for each in points if each not in ("method", "seeds"))]
    ]


def name_axes(axes: Sequence[Axes], x: str, y: str) -> None:
    """Label the x axis of every panel, and the y axis of the first one of a row."""
    for panel in axes:
        place = panel.get_subplotspec()
        panel.set(xlabel=x, ylabel=y if place is None or place.is_first_col() else "")


def draw_states(
    view: GradientView, table: pd.DataFrame, column: str, draw_line: DrawLine
) -> tuple[Figure, list[Axes]]:
    """Return a panel for each state, drawn line by line, with a legend; no axis is scaled yet.

    table: points of lines; `column` is what a line is called by: "line" or "legend".
    """
    states = view.states[:MOST_STATES]
    figure, axes = panels([f"{printable(state, LONGEST)} weights" for state in states])
    names = list(dict.fromkeys(view.table.loc[view.table["shown"] | (column == "line"), column]))
    for panel, state in zip(axes, states, strict=True):
        here = table[table["state"] == state]
        for name in names:
            draw_line(panel, here[here["method"] == name], name)
    legend(figure, view, {name: view.failure(name, column) for name in names})
    return figure, axes


def legend(figure: Figure, view: GradientView, failures: dict[str, str]) -> None:
    """Name every method below the axes; one without a result with its failure."""
    handles: list[Artist] = []
    for name, failure in failures.items():
        style = view.styles[name]
        marks = (
            {**style.marks, "marker": "x"} if failure else {**style.line, "marker": style.marker}
        )
        handles.append(Line2D([], [], **marks))
    names = [f"{name}: {failure}" if failure else name for name, failure in failures.items()]
    canvas.legend_below(figure, handles, names)


def line_with_bars(axes: Axes, points: pd.DataFrame, x: str, y: str, style: MethodStyle) -> None:
    """Draw the points of a line, with bars from the least to the largest of several seeds."""
    if points.empty:
        return
    several = points["seeds"].max() > 1
    low, high = points[y] - points[f"{y}_low"], points[f"{y}_high"] - points[y]
    look = {**style.line, "marker": style.marker, "lw": 1.2, "elinewidth": 0.8, "clip_on": True}
    axes.errorbar(points[x], points[y], yerr=[low, high] if several else None, **look)


def headline(figure: Figure, view: GradientView, table: pd.DataFrame, shown: str) -> None:
    """Write the workload, the state where a single one is shown, what is drawn, and the seeds."""
    states = list(dict.fromkeys(table["state"]))
    state = f", {printable(states[0])} weights" if len(states) == 1 else ""
    further = len(view.states) - MOST_STATES
    state += f", {counted(further, 'further state')} left out" if further > 0 else ""
    seeds = table["seeds"].max()
    over = "1 seed" if seeds == 1 else f"median of {seeds} seeds, bars: smallest to largest"
    canvas.heading(figure, f"{view.title}{state}; {shown}; {over}")
