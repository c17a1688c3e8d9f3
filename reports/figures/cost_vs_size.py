"""Time and memory of a training step against the size of the images."""

from __future__ import annotations

import math
from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.spread import spread
from reports.figures import canvas
from reports.figures.layout import layout
from reports.figures.view import View, seeds_text
from reports.format import MEBIBYTE, counted, printable

SECTION = "cost"
TITLE = "Cost of training against image size"
CAPTION = (
    "Time of a training step, and its peak memory in a separate pass, against the size of the "
    "images, a row per problem. Marks are means over seeds; bars are one standard deviation over "
    "seeds, a spread and no interval. A line that ends early has no completed run at larger sizes. "
    "Of a cost that grows with the number of pixels, a line rises fourfold from a size to its "
    "double."
)
_LEAST_WIDTH = 3.0  # inches of a panel
MOST_PROBLEMS = 4  # a row each
STEP, MEMORY = "time per training step (ms)", "peak memory (MiB)"


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw two panels per problem, a line per trained method; None without two sizes of one."""
    table = data(views)
    if table is None:
        return None
    every = list(dict.fromkeys(table["problem"]))
    problems = every[:MOST_PROBLEMS]
    across = layout().across(2, _LEAST_WIDTH)
    down = 2 * len(problems) // across
    figure = Figure(figsize=(layout().widest, 0.4 + 1.9 * down), layout="constrained")
    grid = figure.subplots(down, across, squeeze=False)
    for row, problem in zip(grid.reshape(-1, 2), problems, strict=True):
        for axes, quantity in zip(row, (STEP, MEMORY), strict=True):
            chosen = (table["problem"] == problem) & (table["quantity"] == quantity)
            _panel(axes, table[chosen], views[0], quantity)
            axes.set_title(printable(problem), loc="left")
    left_out = len(every) - len(problems)
    shown = pd.concat([view.completed for view in views])
    shown = shown[shown["problem"].isin(problems) & shown["legend"].isin(table["method"])]
    more = f"; {counted(left_out, 'further problem')} left out" if left_out else ""
    seeds = seeds_text(shown.drop_duplicates(["legend", "seed"]))
    bars = "; bars: ±1\N{NO-BREAK SPACE}std" if table["std"].notna().any() else ""
    canvas.heading(figure, f"mean of {seeds}{bars}{more}")
    legends = list(dict.fromkeys(table.loc[table["problem"].isin(problems), "method"]))
    handles = [Line2D([], [], **_look(views[0], name)) for name in legends]
    canvas.legend_below(figure, handles, legends)
    return figure


def data(views: list[View]) -> pd.DataFrame | None:
    """Return a row per problem, method, size and quantity: mean and std over seeds.

    quantity: STEP or MEMORY, as their units say. Only of methods that train, and of problems with
    two sizes or more; None where there is none.
    """
    runs = pd.concat([view.completed for view in views])
    runs = runs[(runs["steps"] > 0) & (runs["train_seconds"] > 0)]
    costs = {
        STEP: 1000 * runs["train_seconds"] / runs["steps"],
        MEMORY: runs["peak_memory_bytes"] / MEBIBYTE,
    }
    keys = ["problem", "method", "size"]
    rows = []
    for quantity, values in costs.items():
        known = runs.assign(value=values, method=runs["legend"])[
            values.between(canvas.LEAST, math.inf, "neither")
        ]
        for key, own in known.groupby(keys, sort=False)["value"]:
            found = spread(own)
            named = dict(zip(keys, key, strict=True))
            rows.append({**named, "quantity": quantity, "mean": found.mean, "std": found.std})
    table = pd.DataFrame(rows, columns=[*keys, "quantity", "mean", "std"])
    table = table[table["mean"].lt(math.inf)]
    table = table[table.groupby("problem")["size"].transform("nunique") > 1]
    return table.reset_index(drop=True) if len(table) else None


def _look(view: View, name: str) -> dict[str, Any]:
    style = view.styles[name]
    return {**style.line, "marker": style.marker, "lw": 1.2}


def _panel(axes: Axes, table: pd.DataFrame, view: View, quantity: str) -> None:
    for name, own in table.groupby("method", sort=False):
        points = own.sort_values("size")
        bars = points["std"] if points["std"].notna().any() else None
        look = {**_look(view, str(name)), "elinewidth": 0.8}
        axes.errorbar(points["size"], points["mean"], yerr=bars, **look)
    if len(table):
        axes.set_xscale("log", base=2)
        canvas.fixed_ticks(axes.xaxis, sorted(set(table["size"])))
        canvas.logarithmic_y(axes, table["mean"])
    axes.set(xlabel="image size (pixels per side)", ylabel=quantity)
