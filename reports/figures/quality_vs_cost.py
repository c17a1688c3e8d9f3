"""Reconstruction quality against the cost of one image."""

from __future__ import annotations

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.view import View, seeds_text

NAME = "quality_vs_cost"
SECTION = "reconstruction"
TITLE = "Final PSNR against reconstruction time"
CAPTION = (
    "Final PSNR on the test images against the time to reconstruct one image; up and to the left "
    "is better. Marks are means over seeds, bars one standard deviation."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a point per method; None when no run has both numbers."""
    runs = view.completed.assign(
        milliseconds=1000 * view.completed["reconstruct_seconds_per_image"]
    ).dropna(subset=["psnr", "milliseconds"])
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
    drawn = axes.errorbar(
        times.mean(),
        psnrs.mean(),
        xerr=times.std() if len(runs) > 1 else None,
        yerr=psnrs.std() if len(runs) > 1 else None,
        elinewidth=0.9,
        ms=6.5,
        # Methods that share the forward solver cost the same: see through those on top.
        mfc="none" if legend in view.unconverged else (style.color, 0.35),
        mec=style.color,
        mew=1.0,
        **style.marks,
    )
    return drawn.lines[0]
