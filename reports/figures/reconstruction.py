"""PSNR of one reconstruction against the time that it may take."""

from __future__ import annotations

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure

from reports.data.times import undisturbed
from reports.figures import canvas
from reports.figures.style import by_method
from reports.figures.view import View, seeds_text

SECTION = "reconstruction"
TITLE = "PSNR against reconstruction time"
CAPTION = (
    "PSNR on the validation images when a method is stopped after a number of iterations, against "
    "the time per image; weights and parameters are the final ones. Lines are means over seeds; "
    "the last mark of a line is at the full number of iterations. A method without iterations is a "
    "single mark."
)


def data(view: View) -> pd.DataFrame | None:
    """Return the mean PSNR (dB) and time per image of each method, at each iteration budget."""
    tracks = _tracks(view)
    tracks = tracks[(tracks["milliseconds_per_image"] > canvas.LEAST) & np.isfinite(tracks["psnr"])]
    if tracks.empty:
        return None
    # Seeds may end after different numbers of iterations: each rung by its place in the ladder.
    columns = ["milliseconds_per_image", "psnr"]
    means = tracks.groupby(["method", "rung"])[columns].mean().reset_index("rung", drop=True)
    table: pd.DataFrame = means.loc[[name for name in view.legends if name in means.index]]
    return table.reset_index()


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a line per method; None without a finite point of a reconstruction track."""
    table, psnr = data(view), _tracks(view)["psnr"]
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.5)
    styles = {name: view.styles[name] for name in table["method"].unique()}
    look = {**by_method(styles), "lw": 1.1, "ms": 3.6, "mew": 0, "ax": axes}
    seaborn.lineplot(table, x="milliseconds_per_image", y="psnr", **look)
    canvas.set_x_scale(axes, table["milliseconds_per_image"], "log")
    low, high = psnr[np.isfinite(psnr)].quantile(0.02), psnr[np.isfinite(psnr)].max()
    span = canvas.room(low, high)  # a single mark needs room too
    axes.set_ylim(low - 0.05 * span, high + 0.08 * span)
    axes.set(xlabel="time per image (ms)", ylabel="validation PSNR (dB)")
    left_out = canvas.left_out(psnr)
    shown = f"mean of {seeds_text(view.completed)}{left_out}{view.notes(styles)}"
    canvas.heading(figure, f"{view.title}: {shown}")
    canvas.legend_below(figure, axes.lines, view.named(styles))
    return figure


def _tracks(view: View) -> pd.DataFrame:
    """Return the track of each seed of the methods, with its rungs numbered from the first."""
    runs = view.completed[["run_id"]].assign(method=view.completed["legend"])
    tracks = undisturbed(view.dataset.results.reconstructions.merge(runs, on="run_id"))
    rung, milliseconds = tracks.groupby("run_id").cumcount(), 1000 * tracks["seconds_per_image"]
    return tracks.assign(rung=rung, milliseconds_per_image=milliseconds)
