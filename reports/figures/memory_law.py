"""Peak memory against the forward iterations, with the fitted law."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from reports.data.memory_law import memory_laws, memory_points
from reports.figures import canvas
from reports.figures.style import by_method
from reports.figures.view import View, seeds_text
from reports.format import MEBIBYTE

SECTION = "cost"
TITLE = "Peak memory against forward iterations"
CAPTION = (
    "Peak memory of a training step with a fixed number of forward iterations, in a pass that is "
    "not timed (marks), and the fitted law peak = batch · pixels · (a + b · iterations), one fit "
    "for all sizes of the problem (lines)."
)
COLUMNS = ["method", "seed", "shown", "forward_iterations", "peak_memory_mib"]


def data(view: View) -> pd.DataFrame | None:
    """Return the peak of each seed at each number of iterations, and both ends of each law."""
    points = memory_points(view.dataset)
    points = points[points["run_id"].isin(view.runs["run_id"])]
    if points.empty:
        return None
    mebibytes = points["peak_memory_bytes"] / MEBIBYTE
    points = points.assign(method=points["legend"], peak_memory_mib=mebibytes, shown="seed")
    points = points.astype({"seed": "Int64"})
    laws = memory_laws(view.dataset)
    laws = laws[laws["problem"] == view.problem].set_index("legend")
    of_method = laws.to_dict("index")
    ends = [_law(own, of_method[name]) for name, own in points.groupby("legend", sort=False)]
    return pd.concat([points, *ends], ignore_index=True)[COLUMNS]


def _law(points: pd.DataFrame, law: dict[Hashable, float]) -> pd.DataFrame:
    """Return the law of a method, a line, at no iteration and at the most that were measured."""
    ends = np.array([0, points["forward_iterations"].max()])
    per_pixel = law["bytes_per_pixel"] + law["bytes_per_pixel_per_iteration"] * ends
    pixels = float(points["batch_size"].iloc[0] * points["size"].iloc[0] ** 2)
    first = points.iloc[[0, 0]].assign(forward_iterations=ends, shown="law")
    return first.assign(peak_memory_mib=pixels * per_pixel / MEBIBYTE).drop(columns="seed")


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw marks and a line per gradient method; None when nothing was measured."""
    table = data(view)
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.1)
    names = set(table["method"])
    styles = {name: view.styles[name] for name in view.legends if name in names}
    look = {**by_method(styles), "x": "forward_iterations", "y": "peak_memory_mib", "ax": axes}
    seaborn.lineplot(table[table["shown"] == "seed"], **look, lw=0, ms=4.5, mew=0, alpha=0.8)
    seaborn.lineplot(table[table["shown"] == "law"], **{**look, "markers": False}, lw=0.9)
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlabel="forward iterations", ylabel="peak memory (MiB)")
    shown = view.completed[view.completed["legend"].isin(styles)]
    canvas.heading(figure, f"{view.title}: {seeds_text(shown)}, one mark each; line: fitted law")
    handles = [Line2D([], [], **style.marks) for style in styles.values()]
    canvas.legend_below(figure, handles, list(styles))
    return figure
