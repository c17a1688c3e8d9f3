"""Final quality against the angle between the gradient of training and the exact one."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.fidelity import EXACT, Point, as_share, measured, points, prediction
from reports.figures import canvas
from reports.figures.style import GREY, method_styles
from reports.figures.view import View
from reports.format import counted
from reports.stats.intervals import Interval

SECTION = "fidelity"
TITLE = "Final PSNR against the angle of the gradient"
CAPTION = (
    "A mark is one method with one problem and layer: the angle between the gradient that its "
    "training takes, at the trained weights, and the exact gradient (mean over seeds), and the "
    f"difference in final PSNR from {EXACT} with the same problem and layer, paired by seed and "
    f"test image. Bars are 95 % intervals over seeds and test images. {EXACT} lies at 0 dB; its "
    "angle shows what the tolerances of its solves leave. A method whose angle cost quality would "
    "fall to the right."
)


def data(views: list[View]) -> pd.DataFrame | None:
    """Return a row per method and place, differences in PSNR (dB); None with nothing to compare."""
    found = points(views[0].dataset)
    shown = [point for point in found if point.psnr is not None or _is_exact(point)]
    if not any(point.psnr is not None for point in shown):
        return None
    return pd.DataFrame(map(_row, shown))


def _row(point: Point) -> dict[str, object]:
    problem, size, layer = point.place
    interval = point.psnr.interval if point.psnr else Interval(math.nan, 0.0, math.nan)
    return {
        **{"problem": problem, "size": size, "layer": layer, "method": point.label},
        **{"seeds": len(point.runs), "angle_degrees": float(np.mean(point.angle))},
        "psnr_difference": interval.estimate,
        "psnr_difference_low": interval.low if interval.known else math.nan,
        "psnr_difference_high": interval.high if interval.known else math.nan,
    }


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a mark per method and place; None without two methods to compare, or without angles."""
    table, dataset = data(views), views[0].dataset
    if table is None:
        return None
    styles = method_styles(dataset.runs.assign(legend=dataset.runs["label"]))
    figure, axes = canvas.column_axes(2.5)
    axes.axhline(0, color=GREY, lw=0.9, zorder=1)
    for name, own in table.groupby("method", sort=False):
        style, known = styles[str(name)], own[own["psnr_difference_low"].notna()]
        ends = known["psnr_difference_low"], known["psnr_difference_high"]
        axes.vlines(known["angle_degrees"], *ends, color=style.color, lw=0.7, alpha=0.35)
        look = {**style.marks, "alpha": 0.85, "mew": 0, "label": name}
        axes.plot(own["angle_degrees"], own["psnr_difference"], **look)
    widest = table["angle_degrees"].max()
    axes.set(xlabel="angle to the exact gradient (degrees)", xlim=(-3, 1.05 * widest + 1))
    axes.set_ylabel(f"difference from {EXACT} (dB)")
    _limit_y(axes, [*table["psnr_difference"], 0.0])
    known_of_pairs = prediction(measured(dataset))
    places = counted(len(table[["problem", "size", "layer"]].drop_duplicates()), "combination")
    most = counted(table["seeds"].max(), "seed")
    seeds = most if table["seeds"].nunique() == 1 else f"{table['seeds'].min()} to {most}"
    lines = [f"{places} of problem and layer, mean of {seeds}"]
    if known_of_pairs:
        agreement = as_share(known_of_pairs.agreement)
        lines.append(f"the smaller angle ended higher in {agreement} of the pairs")
    canvas.heading(figure, *lines)
    handles = {str(line.get_label()): line for line in axes.lines[1:]}
    canvas.legend_below(figure, list(handles.values()), list(handles))
    return figure


def _is_exact(point: Point) -> bool:
    return bool(point.runs["method"].iloc[0] == EXACT)


def _limit_y(axes: Axes, middles: list[float]) -> None:
    """Intervals of two seeds can be so wide that all marks would lie on each other."""
    span = canvas.room(min(middles), max(middles))
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, min(middles) - 0.6 * span), min(high, max(middles) + 0.6 * span))
