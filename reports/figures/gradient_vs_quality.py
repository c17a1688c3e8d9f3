"""Final quality against the angle between the gradient of training and the exact one."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.fidelity import EXACT, Point, as_share, measured, points, prediction
from reports.figures import canvas
from reports.figures.style import GREY, MethodStyle, method_styles
from reports.figures.view import View
from reports.format import counted

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


@canvas.themed
def draw(views: list[View]) -> Figure | None:
    """Draw a mark per method and place; None without two methods to compare, or without angles."""
    dataset = views[0].dataset
    found = points(dataset)
    shown = [point for point in found if point.psnr is not None or _is_exact(point)]
    if not any(point.psnr is not None for point in shown):
        return None
    styles = method_styles(dataset.runs.assign(legend=dataset.runs["label"]))
    figure, axes = canvas.column_axes(2.5)
    axes.axhline(0, color=GREY, lw=0.9, zorder=1)
    handles = {point.label: _mark(axes, point, styles[point.label]) for point in shown}
    widest = max(float(np.mean(point.angle)) for point in shown)
    axes.set(xlabel="angle to the exact gradient (degrees)", xlim=(-3, 1.05 * widest + 1))
    axes.set_ylabel(f"difference from {EXACT} (dB)")
    _limit_y(axes, shown)
    known = prediction(measured(dataset))
    places = counted(len({point.place for point in shown}), "combination")
    counts = [len(point.runs) for point in shown]
    seeds = counted(max(counts), "seed")
    seeds = seeds if min(counts) == max(counts) else f"{min(counts)} to {seeds}"
    lines = [f"{places} of problem and layer, mean of {seeds}"]
    if known:
        lines.append(f"the smaller angle ended higher in {as_share(known.agreement)} of the pairs")
    canvas.heading(figure, *lines)
    canvas.legend_below(figure, list(handles.values()), list(handles))
    return figure


def _is_exact(point: Point) -> bool:
    return bool(point.runs["method"].iloc[0] == EXACT)


def _mark(axes: Axes, point: Point, style: MethodStyle) -> Artist:
    angle = float(np.mean(point.angle))
    interval = point.psnr.interval if point.psnr else None
    if interval and interval.known:
        axes.vlines(angle, interval.low, interval.high, color=style.color, lw=0.7, alpha=0.35)
    height = interval.estimate if interval else 0.0
    (mark,) = axes.plot(angle, height, **style.marks, alpha=0.85, mew=0)
    return mark


def _limit_y(axes: Axes, shown: list[Point]) -> None:
    """Intervals of two seeds can be so wide that all marks would lie on each other."""
    middles = [point.psnr.interval.estimate for point in shown if point.psnr] + [0.0]
    span = canvas.room(min(middles), max(middles))
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, min(middles) - 0.6 * span), min(high, max(middles) + 0.6 * span))
