"""What methods report of their own, against the training step."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.data.metrics import mean_metric, metric_values
from reports.figures import canvas
from reports.figures.layout import layout
from reports.figures.style import MethodStyle
from reports.figures.view import View, seeds_text
from reports.format import printable

SECTION = "metrics"
TITLE = "Metrics of the methods against the training step"
CAPTION = (
    "Metrics that a method reports of its own during training, a panel for each name. Lines are "
    "means over the seeds that completed, at the steps that all of them have; bands are one "
    "standard deviation over seeds, a spread and no interval. A mark is a metric that was reported "
    "at a single step."
)
MOST_PANELS, ACROSS = 12, 3
LONGEST = 34  # characters of a name above its panel


def data(view: View) -> pd.DataFrame | None:
    """Return the mean of each metric and method by step, one standard deviation below and above."""
    table = _means(view)
    if table.empty:
        return None
    shown = table["metric"].unique()[:MOST_PANELS]
    return table[table["metric"].isin(shown)].reset_index(drop=True)


def _means(view: View) -> pd.DataFrame:
    """Return the rows of `data` of all metrics, those without a panel included."""
    values = metric_values(view.runs, view.dataset.results.metrics)
    parts = [
        mean_metric(own).assign(metric=str(name), method=str(legend))
        for (name, legend), own in values.groupby(["name", "legend"], sort=False)
    ]
    kept = [part for part in parts if len(part)]
    if not kept:
        return pd.DataFrame()
    table = pd.concat(kept).rename(columns={"mean": "value"})
    ends = {"value_low": table["value"] - table["std"], "value_high": table["value"] + table["std"]}
    return table.assign(**ends)[["metric", "method", "step", "value", *ends]]


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a panel per metric; None without a finite value of a completed run."""
    table = data(view)
    if table is None:
        return None
    names = list(table["metric"].unique())
    figure, panels = _grid(len(names))
    for axes, name in zip(panels, names, strict=True):
        axes.set_title(printable(name, LONGEST), loc="left")
        for legend, own in table[table["metric"] == name].groupby("method", sort=False):
            _line(axes, own, view.styles[str(legend)])
    canvas.heading(figure, f"{view.title}: {_shown(view)}")
    legends = [name for name in view.legends if name in set(table["method"])]
    handles = [Line2D([], [], **view.styles[name].line) for name in legends]
    canvas.legend_below(figure, handles, legends)
    return figure


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    columns = min(ACROSS, layout().across(count))
    rows, width = math.ceil(count / columns), layout().width if count == 1 else layout().widest
    figure = Figure(figsize=(width, 0.5 + 1.6 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for empty in panels[count:]:
        empty.set_axis_off()
    for number, axes in enumerate(panels[:count]):
        axes.xaxis.set_major_locator(MaxNLocator(4, integer=True))
        if number + columns >= count:  # nothing below it
            axes.set_xlabel("training step")
    return figure, panels[:count]


def _line(axes: Axes, mean: pd.DataFrame, style: MethodStyle) -> None:
    if len(mean) == 1:
        axes.plot(mean["step"], mean["value"], **style.marks)
        return
    axes.plot(mean["step"], mean["value"], lw=1.1, **style.line)
    canvas.band(axes, mean, "step", "value", style.color)


def _shown(view: View) -> str:
    """Say what is shown, with how many seeds, and what was left out."""
    values = metric_values(view.runs, view.dataset.results.metrics)
    runs = view.completed[view.completed["run_id"].isin(values["run_id"])]
    several = runs.groupby("legend").size().gt(1).any()
    band = ", band: ±1\N{NO-BREAK SPACE}std" if several else ""
    count = _means(view)["metric"].nunique()
    further = f"; the first {MOST_PANELS} of {count} metrics" if count > MOST_PANELS else ""
    infinite = int((~np.isfinite(values["value"])).sum())
    without = f"; {infinite} values that are not finite left out" if infinite else ""
    return f"mean of {seeds_text(runs)}{band}{further}{without}"
