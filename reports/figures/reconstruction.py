"""PSNR of one reconstruction against the time that it may take."""

from __future__ import annotations

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.times import undisturbed
from reports.figures import canvas
from reports.figures.style import MethodStyle
from reports.figures.view import View, seeds_text

SECTION = "reconstruction"
TITLE = "PSNR against reconstruction time"
CAPTION = (
    "PSNR on the validation images when a method is stopped after a number of iterations, against "
    "the time per image; weights and parameters are the final ones. Lines are means over seeds; "
    "the last mark of a line is at the full number of iterations. A method without iterations is a "
    "single mark."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a line per method; None without a finite point of a reconstruction track."""
    runs = view.completed
    tracks = view.dataset.results.reconstructions.merge(runs[["run_id", "legend"]], on="run_id")
    tracks = undisturbed(tracks)
    # Seeds may end after different numbers of iterations: each rung by its place in the ladder.
    rung, milliseconds = tracks.groupby("run_id").cumcount(), 1000 * tracks["seconds_per_image"]
    tracks = tracks.assign(rung=rung, milliseconds=milliseconds)
    left_out = canvas.left_out(tracks["psnr"])
    tracks = tracks[(tracks["milliseconds"] > canvas.LEAST) & np.isfinite(tracks["psnr"])]
    if tracks.empty:
        return None
    legends = [name for name in view.legends if name in set(tracks["legend"])]
    figure, axes = canvas.column_axes(2.5)
    handles = [
        _method(axes, tracks[tracks["legend"] == name], view.styles[name]) for name in legends
    ]
    canvas.set_x_scale(axes, tracks["milliseconds"], "log")
    low, high = tracks["psnr"].quantile(0.02), tracks["psnr"].max()
    span = canvas.room(low, high)  # a single mark needs room too
    axes.set_ylim(low - 0.05 * span, high + 0.08 * span)
    axes.set(xlabel="time per image (ms)", ylabel="validation PSNR (dB)")
    shown = f"mean of {seeds_text(runs)}{left_out}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}: {shown}")
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def _method(axes: Axes, tracks: pd.DataFrame, style: MethodStyle) -> Artist:
    mean = tracks.groupby("rung")[["milliseconds", "psnr"]].mean()
    look = {**style.line, "marker": style.marker, "ms": 3.2, "mfc": (style.color, 0.5)}
    (line,) = axes.plot(mean["milliseconds"], mean["psnr"], lw=1.1, **look)
    return line
