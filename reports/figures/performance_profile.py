"""Performance profiles of the time to the target, over all problems and sizes."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from reports.figures.canvas import (
    column_axes,
    heading,
    legend_below,
    side_by_side,
    themed,
)
from reports.data.labels import counted
from reports.tables.scores import time_ratios
from reports.stats.profiles import LARGEST_RATIO, benchmark_score, performance_profile
from reports.figures.view import View

NAME = "performance_profile"
SECTION = "scores"
TITLE = "Performance profiles of the time to the target"
EXPLANATION = (
    "The part of the cells (problem and size) in which a method's median time to the target is at "
    "most τ times that of the fastest method there. B is the area under the curve from 1 to 4, the "
    "AlgoPerf score. Both are relative to the methods shown: adding one changes them. Curves are "
    "moved apart by a line's width, so that equal ones are seen."
)


@themed
def draw(views: list[View]) -> Figure | None:
    """Draw a step curve per trained method; None with fewer than two, or none that arrives."""
    ratios = time_ratios(views[0].results, views[0].target)
    cells = max((len(values) for values in ratios.of_method.values()), default=0)
    if len(ratios.of_method) < 2 or cells == 0:
        return None
    figure, axes = column_axes(2.1)
    taus = np.linspace(1, LARGEST_RATIO, 601)
    handles: list[Artist] = []
    names = []
    moved = side_by_side(axes, len(ratios.of_method))
    for (name, values), transform in zip(ratios.of_method.items(), moved, strict=True):
        style = views[0].styles[name]
        (line,) = axes.step(
            taus, performance_profile(values, taus), where="post", color=style.color,
            ls=style.linestyle, lw=1.0, transform=transform,
        )  # fmt: skip
        handles.append(line)
        names.append(f"{name}: {benchmark_score(values):.2f}")
    axes.set_xlim(1, LARGEST_RATIO)
    axes.set_ylim(-0.06, 1.06)
    axes.set_xlabel("τ: time to the target over that of the fastest")
    axes.set_ylabel("part of the cells")
    left_out = f"; {ratios.cells_left_out} left out" if ratios.cells_left_out else ""
    seeds = counted(views[0].results.runs["seed"].nunique(), "seed")
    heading(
        figure,
        f"{counted(cells, 'cell')}{left_out}, median of {seeds}, target {views[0].target}; "
        "B in the legend",
    )
    legend_below(figure, handles, names)
    return figure
