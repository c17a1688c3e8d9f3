"""Reconstruction quality against the cost of one image."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.view import View, seeds_text
from reports.stats.intervals import crossed_interval

SECTION = "reconstruction"
TITLE = "Final PSNR against reconstruction time"
CAPTION = (
    "Final PSNR on the test images against the time to reconstruct one image; up and to the left "
    "is better. Marks are means over seeds. Vertical bars are 95 % intervals of the mean over "
    "seeds and test images (over seeds only where the records have no images); horizontal bars are "
    "one standard deviation over seeds, a spread and no interval. Wide bars may end outside the "
    "axes."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a point per method; None when no run has both numbers."""
    runs = view.completed.dropna(subset=["psnr", "reconstruct_seconds_per_image"])
    runs = runs.assign(milliseconds=1000 * runs["reconstruct_seconds_per_image"])
    runs = runs[runs["milliseconds"] >= 0]
    if runs.empty:
        return None
    figure, axes = canvas.column_axes(2.3)
    legends = list(dict.fromkeys(runs["legend"]))
    handles = [_method(axes, runs[runs["legend"] == legend], view, legend) for legend in legends]
    times, scale = runs["milliseconds"], canvas.scale_for(runs["milliseconds"])
    canvas.set_x_scale(axes, times, scale, right=1.1 * times.max() if scale == "linear" else None)
    axes.set(xlabel="reconstruction time per image (ms)", ylabel="test PSNR (dB)")
    _limit_y(axes, runs.groupby("legend")["psnr"].mean())
    several = runs.groupby("legend").size().gt(1).any()
    bars = "; bars: 95 % interval of PSNR, ±1\N{NO-BREAK SPACE}std of time" if several else ""
    shown = f"mean of {seeds_text(runs)}{bars}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}: {shown}")
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def _limit_y(axes: Axes, means: pd.Series[float]) -> None:
    """Intervals of two seeds can be so wide that all marks would lie on each other."""
    span = canvas.room(means.min(), means.max())
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, means.min() - 0.6 * span), min(high, means.max() + 0.6 * span))


def _method(axes: Axes, runs: pd.DataFrame, view: View, legend: str) -> Artist:
    style, times, psnrs = view.styles[legend], runs["milliseconds"], runs["psnr"]
    interval = crossed_interval(view.dataset.seeds_by_images(runs))
    bars: Any = {}
    if interval.known:
        ends = [[psnrs.mean() - interval.low], [interval.high - psnrs.mean()]]
        bars = {"xerr": times.std(), "yerr": np.maximum(ends, 0)}
    # Methods that share the forward solver cost the same: see through those on top.
    fill = "none" if legend in view.unconverged else (style.color, 0.35)
    marks = {**style.marks, "ms": 6.5, "mfc": fill, "mec": style.color, "mew": 1.0}
    drawn = axes.errorbar(times.mean(), psnrs.mean(), elinewidth=0.9, **bars, **marks)
    return drawn.lines[0]
