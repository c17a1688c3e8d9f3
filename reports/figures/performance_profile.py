"""Performance profiles of the time to the target, over all workloads."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.view import View
from reports.format import counted
from reports.stats.profiles import LARGEST_RATIO, benchmark_score, performance_profile

SECTION = "scores"
TITLE = "Performance profiles of the time to the target"
CAPTION = (
    "Fraction of the pairs of workload (problem and size) and seed on which the time to the target "
    "of a method is at most τ times that of the fastest method there. B is the AlgoPerf score, the "
    "area under the curve from 1 to 4. Both are relative to the methods shown: adding one changes "
    "them. Curves are offset by a line's width to keep equal ones visible."
)


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a step curve per trained method; None with fewer than two, or none that arrives."""
    dataset = views[0].dataset
    ratios = dataset.pool.ratios
    known = {name: each[~np.isnan(each)] for name, each in ratios.of_method.items()}
    pairs = max((len(values) for values in known.values()), default=0)
    if len(known) < 2 or pairs == 0:
        return None
    figure, axes = canvas.column_axes(2.1)
    taus = np.linspace(1, LARGEST_RATIO, 601)
    handles: list[Artist] = []
    moved = canvas.side_by_side(axes, len(known))
    for (name, values), transform in zip(known.items(), moved, strict=True):
        options = {"where": "post", "lw": 1.0, "transform": transform, **views[0].styles[name].line}
        handles += axes.step(taus, performance_profile(values, taus), **options)
    axes.set(xlim=(1, LARGEST_RATIO), ylim=(-0.06, 1.06), ylabel="fraction of pairs")
    axes.set_xlabel("τ: time to the target / fastest time to the target")
    left_out = f"; {ratios.left_out} left out" if ratios.left_out else ""
    over = f"{counted(pairs, 'pair')} of workload and seed{left_out}"
    canvas.heading(figure, f"{over}, target {dataset.target}; B in the legend")
    scores = [f"{name}: {benchmark_score(each):.2f}" for name, each in known.items()]
    canvas.legend_below(figure, handles, scores)
    return figure
