"""Critical-difference diagram of the average ranks."""

from __future__ import annotations

from collections.abc import Mapping

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures.canvas import column_axes, heading, themed
from reports.data.labels import counted
from reports.tables.scores import gain_ranks
from reports.stats.ranks import Ranking
from reports.figures.style import MethodStyle
from reports.figures.view import View

NAME = "ranks"
SECTION = "scores"
TITLE = "Average ranks of the gain"
EXPLANATION = (
    "Average rank of each method's PSNR gain, 1 the best; a failed run ranks last. Methods joined "
    "by a bar do not differ significantly (Nemenyi's test at 5 %): their ranks are within the "
    "critical difference."
)


@themed
def draw(views: list[View]) -> Figure | None:
    """Draw the diagram; None with fewer than two methods or two blocks."""
    block, ranking = gain_ranks(views[0].results)
    if ranking is None:
        return None
    order = sorted(ranking.average_ranks, key=lambda name: ranking.average_ranks[name])
    figure, axes = column_axes(0.9 + 0.2 * len(order) + 0.09 * len(ranking.groups))
    _methods(axes, order, ranking.average_ranks, views[0].styles)
    _groups(axes, ranking)
    axes.set_xlim(0.7, len(order) + 0.3)
    axes.set_ylim(len(order) - 0.4, -0.8 - 0.45 * len(ranking.groups))
    unconverged = set().union(*(view.unconverged for view in views))
    axes.set_yticks(
        range(len(order)), [f"{name} !" if name in unconverged else name for name in order]
    )
    axes.tick_params(axis="y", length=0)
    axes.set_xlabel("average rank")
    seeds = counted(views[0].results.runs["seed"].nunique(), "seed")
    over = seeds if block == "seed" else f"{counted(ranking.blocks, block)}, mean of {seeds}"
    difference = f"critical difference {ranking.critical_difference:.2f}"
    flagged = unconverged & set(order)
    note = "; !: not read at a fixed point" if flagged else ""
    heading(figure, f"{over}, gain over observed; {difference}{note}")
    return figure


def _methods(
    axes: Axes, order: list[str], ranks: Mapping[str, float], styles: Mapping[str, MethodStyle]
) -> None:
    for row, name in enumerate(order):
        style = styles[name]
        axes.plot(ranks[name], row, marker=style.marker, color=style.color, ms=5)
        axes.annotate(
            f"{ranks[name]:.2f}",
            (ranks[name], row),
            xytext=(6, 0),
            textcoords="offset points",
            va="center",
            fontsize=6.5,
        )


def _groups(axes: Axes, ranking: Ranking) -> None:
    """A bar above the rows for each set of methods that do not differ."""
    for place, group in enumerate(ranking.groups):
        ends = [ranking.average_ranks[name] for name in group]
        axes.hlines(
            -0.7 - 0.45 * place, min(ends) - 0.05, max(ends) + 0.05, color="#444444", lw=2.2
        )
