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
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH, MethodStyle
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


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a panel per metric; None without a finite value of a completed run."""
    values = metric_values(view.runs, view.dataset.results.metrics)
    means = {
        (str(name), str(legend)): mean_metric(own)
        for (name, legend), own in values.groupby(["name", "legend"], sort=False)
    }
    means = {key: mean for key, mean in means.items() if len(mean)}
    names = list(dict.fromkeys(name for name, _ in means))
    if not names:
        return None
    figure, panels = _grid(min(len(names), MOST_PANELS))
    for axes, name in zip(panels, names, strict=False):
        axes.set_title(printable(name, LONGEST), loc="left")
        for (of, legend), mean in means.items():
            if of == name:
                _line(axes, mean, view.styles[legend])
    legends = [name for name in view.legends if name in {legend for _, legend in means}]
    canvas.heading(figure, f"{view.title}: {_shown(view, values, names)}")
    handles = [Line2D([], [], **view.styles[name].line) for name in legends]
    canvas.legend_below(figure, handles, legends)
    return figure


def _grid(count: int) -> tuple[Figure, list[Axes]]:
    rows, columns = math.ceil(count / ACROSS), min(count, ACROSS)
    width = COLUMN_WIDTH if columns == 1 else PAGE_WIDTH
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
        axes.plot(mean["step"], mean["mean"], **style.marks)
        return
    axes.plot(mean["step"], mean["mean"], lw=1.1, **style.line)
    low, high = mean["mean"] - mean["std"], mean["mean"] + mean["std"]
    axes.fill_between(mean["step"], low, high, color=style.color, alpha=0.18, lw=0)


def _shown(view: View, values: pd.DataFrame, names: list[str]) -> str:
    """Say what is shown, with how many seeds, and what was left out."""
    runs = view.completed[view.completed["run_id"].isin(values["run_id"])]
    several = runs.groupby("legend").size().gt(1).any()
    band = ", band: ±1\N{NO-BREAK SPACE}std" if several else ""
    left_out = len(names) - MOST_PANELS
    further = f"; the first {MOST_PANELS} of {len(names)} metrics" if left_out > 0 else ""
    infinite = int((~np.isfinite(values["value"])).sum())
    without = f"; {infinite} values that are not finite left out" if infinite else ""
    return f"mean of {seeds_text(runs)}{band}{further}{without}"
