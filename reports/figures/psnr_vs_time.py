"""PSNR against training time, per method."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace
from itertools import islice

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.grouping import completed
from reports.data.spread import mean_curve
from reports.figures import canvas
from reports.figures.style import OBSERVED, MethodStyle
from reports.figures.view import View, seeds_text
from reports.format import TIMES

SECTION = "training"
TITLE = "PSNR against training time"
CAPTION = (
    "PSNR on the validation images during training; evaluation time is not counted. Lines are "
    "means over seeds at the same step; bands are one standard deviation over seeds, a spread and "
    "no interval. Horizontal lines are methods that do not train, and the observed (degraded, "
    "noisy) images. A cross marks the end of a failed run."
)

MOST_FAILED = 20  # runs of a method that are drawn on their own


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a line and a band per trained method, a level per method without a curve."""
    if view.curves.empty and view.completed.empty:
        return None
    observed = float(view.runs["curve_observed"].mean())
    # From the observed image, or the worst final result, up: early points may lie far below.
    return draw_curves(view, [*view.completed["curve_psnr"], observed], observed)


def draw_curves(view: View, lowest: Iterable[float], observed: float | None = None) -> Figure:
    """Draw every method of the view, PSNR from the least of `lowest` up, and the level observed."""
    figure, axes = canvas.column_axes(2.4)
    ends = view.curves.groupby("run_id")["train_seconds"].max()
    scale = canvas.scale_for(ends)
    if scale == "log":
        view = replace(view, curves=view.curves[view.curves["train_seconds"] > 0])
    handles = [_method(axes, view, legend) for legend in view.legends]
    if observed is not None:
        handles.append(axes.axhline(observed, label="observed", **OBSERVED.line))
    right = 1.02 * ends.max() if scale == "linear" else None
    canvas.set_x_scale(axes, view.curves["train_seconds"], scale, right=right)
    low = min((value for value in lowest if math.isfinite(value)), default=0.0)
    every = [*view.completed["curve_psnr"], *view.curves["psnr"], low + 1.0]
    high = max(value for value in every if math.isfinite(value))
    margin = 0.08 * canvas.room(low, high)
    axes.set(
        ylim=(low - margin, high + margin),
        xlabel="training time (s)",
        ylabel="validation PSNR (dB)",
    )
    canvas.heading(figure, headline(view))
    canvas.legend_below(figure, handles, view.named(str(handle.get_label()) for handle in handles))
    return figure


def headline(view: View) -> str:
    """What is shown, with how many seeds and which band."""
    failed = ~view.curves["run_id"].isin(view.completed["run_id"])
    cross = f"; {TIMES}: failed run" if failed.any() else ""
    several = view.completed.groupby("legend").size().gt(1).any()
    band = ", band: ±1\N{NO-BREAK SPACE}std" if several else ""
    seeds = seeds_text(view.completed)
    left_out = canvas.left_out(view.curves["psnr"])
    return f"{view.title}: mean of {seeds}{band}{cross}{left_out}{view.notes(view.legends)}"


def _method(axes: Axes, view: View, legend: str) -> Artist:
    runs, style = view.runs[view.runs["legend"] == legend], view.styles[legend]
    curves = view.curves[view.curves["run_id"].isin(runs["run_id"])]
    done = completed(runs)["run_id"]
    _failed(axes, curves[~curves["run_id"].isin(done)], style.color)
    complete = curves[curves["run_id"].isin(done)]
    if len(complete):
        return _mean_line(axes, mean_curve(complete), style, legend)
    if len(done):
        return axes.axhline(runs["curve_psnr"].mean(), lw=1.1, label=legend, **style.line)
    return Line2D([], [], label=f"{legend}: failed", **{**style.marks, "marker": "x", "mew": 1.4})


def _mean_line(axes: Axes, mean: pd.DataFrame, style: MethodStyle, legend: str) -> Artist:
    look = {**style.line, "marker": style.marker, "markevery": max(1, len(mean) // 5)}
    (line,) = axes.plot(mean["train_seconds"], mean["psnr"], label=legend, **look)
    low, high = mean["psnr"] - mean["std"], mean["psnr"] + mean["std"]
    axes.fill_between(mean["train_seconds"], low, high, color=style.color, alpha=0.18, lw=0)
    return line


def _failed(axes: Axes, curves: pd.DataFrame, color: str) -> None:
    for _, curve in islice(curves.groupby("run_id", sort=False), MOST_FAILED):
        axes.plot(curve["train_seconds"], curve["psnr"], color=color, lw=0.7, alpha=0.8)
        end = curve[curve["psnr"].notna()].tail(1)
        axes.plot(end["train_seconds"], end["psnr"], color=color, marker="x", ms=5, mew=1.4)
