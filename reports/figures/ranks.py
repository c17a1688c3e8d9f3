"""Critical-difference diagram of the average ranks."""

from __future__ import annotations

import math

import pandas as pd
from matplotlib.figure import Figure

from reports.data.grouping import unconverged_methods
from reports.figures import canvas
from reports.figures.view import View, flag_note, flagged
from reports.format import counted

SECTION = "scores"
TITLE = "Average ranks of the PSNR gain"
CAPTION = (
    "Average rank of each method by PSNR gain; 1 is the best, and a failed run ranks last. Methods "
    "joined by a bar do not differ significantly: their average ranks differ by less than the "
    "critical difference (Nemenyi's test at 5 %). There are no bars where the blocks are so few "
    "that no difference could be significant."
)


def data(views: list[View]) -> pd.DataFrame | None:
    """Return the average rank of each method, best first; None with too few methods or blocks.

    bars: the numbers of the bars that join it to others, from 1, the best, on.
    """
    ranking = views[0].dataset.pool.ranks
    if ranking is None:
        return None
    joined = {
        name: ", ".join(str(at) for at, group in enumerate(ranking.groups, 1) if name in group)
        for name in sorted(ranking.average_ranks, key=lambda name: ranking.average_ranks[name])
    }
    return pd.DataFrame(
        {"method": name, "average_rank": ranking.average_ranks[name], "bars": bars}
        for name, bars in joined.items()
    ).assign(critical_difference=ranking.critical_difference)


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw the diagram; None with fewer than two methods or two blocks."""
    dataset, table = views[0].dataset, data(views)
    ranking, block = dataset.pool.ranks, dataset.pool.block
    if ranking is None or table is None:
        return None
    order = list(table["method"])
    figure, axes = canvas.column_axes(0.9 + 0.2 * len(order) + 0.09 * len(ranking.groups))
    for row, (name, rank) in enumerate(zip(order, table["average_rank"], strict=True)):
        beside = {**canvas.BESIDE, "fontsize": 6.5}
        axes.plot(rank, row, ms=5, **views[0].styles[name].marks)
        axes.annotate(f"{rank:.2f}", (rank, row), xytext=(6, 0), **beside)
    for row, group in enumerate(ranking.groups):  # bars above: sets that do not differ
        ends = [ranking.average_ranks[name] for name in group]
        axes.hlines(-0.7 - 0.45 * row, min(ends) - 0.05, max(ends) + 0.05, color="#444444", lw=2.2)
    bottom, top = len(order) - 0.4, -0.8 - 0.45 * len(ranking.groups)
    axes.set(xlim=(0.7, len(order) + 0.3), ylim=(bottom, top), xlabel="average rank")
    unconverged = unconverged_methods(dataset.runs)
    names = [canvas.wrapped(name, 30) for name in flagged(order, unconverged)]
    axes.set_yticks(range(len(order)), names, linespacing=1.0)
    axes.tick_params(axis="y", length=0)
    seeds = counted(dataset.runs["seed"].nunique(), "seed")
    over = seeds if block == "seed" else f"{counted(ranking.blocks, block)}, mean of {seeds}"
    known = math.isfinite(ranking.critical_difference)
    difference = "too few blocks for a significant difference"
    if known:
        difference = f"critical difference {ranking.critical_difference:.2f}"
    note = flag_note(order, unconverged)
    canvas.heading(figure, f"{over}, gain over observed; {difference}{note}")
    return figure
