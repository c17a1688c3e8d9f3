"""Reconstruction quality against the cost of one image."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.view import View, seeds_text

SECTION = "reconstruction"
TITLE = "Final PSNR against reconstruction time"
CAPTION = (
    "Final PSNR on the test images against the time to reconstruct one image; up and to the left "
    "is better. Marks are means over seeds, bars one standard deviation."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a point per method; None when no run has both numbers."""
    runs = view.completed.dropna(subset=["psnr", "reconstruct_seconds_per_image"])
    runs = runs.assign(milliseconds=1000 * runs["reconstruct_seconds_per_image"])
    if runs.empty:
        return None
    figure, axes = canvas.column_axes(2.3)
    legends = list(dict.fromkeys(runs["legend"]))
    handles = [_method(axes, runs[runs["legend"] == legend], view, legend) for legend in legends]
    times, scale = runs["milliseconds"], canvas.scale_for(runs["milliseconds"])
    canvas.set_x_scale(axes, times, scale, right=1.1 * times.max() if scale == "linear" else None)
    axes.set(xlabel="reconstruction time per image (ms)", ylabel="test PSNR (dB)")
    axes.margins(y=0.12)
    shown = "mean ± std" if runs.groupby("legend").size().gt(1).any() else "mean"
    canvas.heading(figure, f"{view.title}: {shown} of {seeds_text(runs)}{view.notes(legends)}")
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def _method(axes: Axes, runs: pd.DataFrame, view: View, legend: str) -> Artist:
    style, times, psnrs = view.styles[legend], runs["milliseconds"], runs["psnr"]
    bars: Any = {"xerr": times.std(), "yerr": psnrs.std()} if len(runs) > 1 else {}
    # Methods that share the forward solver cost the same: see through those on top.
    fill = "none" if legend in view.unconverged else (style.color, 0.35)
    marks = {**style.marks, "ms": 6.5, "mfc": fill, "mec": style.color, "mew": 1.0}
    drawn = axes.errorbar(times.mean(), psnrs.mean(), elinewidth=0.9, **bars, **marks)
    return drawn.lines[0]
