"""Performance profiles of the time to the target, over all workloads."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.view import View
from reports.format import counted
from reports.stats.aggregate import Array
from reports.stats.profiles import LARGEST_RATIO, benchmark_score, performance_profile

SECTION = "scores"
TITLE = "Performance profiles of the time to the target"
CAPTION = (
    "Fraction of the pairs of workload (problem and size) and seed on which the time to the target "
    "of a method is at most τ times that of the fastest method there. B is the AlgoPerf score, the "
    "area under the curve from 1 to 4. Both are relative to the methods shown: adding one changes "
    "them. Curves are offset by a line's width to keep equal ones visible."
)


def data(views: list[View]) -> pd.DataFrame | None:
    """Return the steps of each curve, the fraction of pairs from a ratio of times on, and B."""
    ratios = views[0].dataset.pool.ratios
    known = {name: each[~np.isnan(each)] for name, each in ratios.of_method.items()}
    if len(known) < 2 or not any(len(values) for values in known.values()):
        return None
    return pd.concat([_steps(values, name) for name, values in known.items()], ignore_index=True)


def _steps(values: Array, name: str) -> pd.DataFrame:
    """Return where the curve of a method rises, and both ends of the axis."""
    inside = values[(values > 1) & (values < LARGEST_RATIO)]
    taus = np.unique([1.0, *inside, LARGEST_RATIO])
    fractions = performance_profile(values, taus)
    table = pd.DataFrame({"method": name, "time_ratio": taus, "fraction": fractions})
    return table.assign(score=benchmark_score(values), pairs=len(values))


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a step curve per trained method; None with fewer than two, or none that arrives."""
    table, dataset = data(views), views[0].dataset
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.1)
    handles: list[Artist] = []
    curves = {str(name): curve for name, curve in table.groupby("method", sort=False)}
    moved = canvas.side_by_side(axes, len(curves))
    for (name, curve), transform in zip(curves.items(), moved, strict=True):
        look = {"where": "post", "lw": 1.0, "transform": transform, **views[0].styles[name].line}
        handles += axes.step(curve["time_ratio"], curve["fraction"], **look)
    axes.set(xlim=(1, LARGEST_RATIO), ylim=(-0.06, 1.06), ylabel="fraction of pairs")
    axes.set_xlabel("τ: time to the target / fastest time to the target")
    left_out = dataset.pool.ratios.left_out
    without = f"; {left_out} left out" if left_out else ""
    over = f"{counted(table['pairs'].max(), 'pair')} of workload and seed{without}"
    canvas.heading(figure, f"{over}, target {dataset.target}; B in the legend")
    scores = [f"{name}: {curve['score'].iloc[0]:.2f}" for name, curve in curves.items()]
    canvas.legend_below(figure, handles, scores)
    return figure
