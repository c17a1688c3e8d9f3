"""PSNR against training time, per method."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import replace

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from bench.records import COMPLETED
from reports.figures.canvas import (
    column_axes,
    heading,
    legend_below,
    scale_for,
    set_x_scale,
    themed,
)
from reports.data.labels import TIMES
from reports.data.spread import mean_curve
from reports.figures.style import OBSERVED
from reports.figures.view import View, seeds_text

NAME = "psnr_vs_time"
SECTION = "training"
TITLE = "PSNR against training time"
EXPLANATION = (
    "Test PSNR while training; evaluation time is not counted. The line is the mean over seeds "
    "at the same step, the band one standard deviation. Horizontal lines are methods that do "
    "not train, and the observed (blurred, noisy) image. A cross ends a run that failed."
)

MOST_FAILED = 20  # runs of a method that are drawn on their own


@themed
def draw(view: View) -> Figure | None:
    """Draw a line and a band per trained method, a level per method without a curve."""
    if view.curves.empty and view.completed.empty:
        return None
    figure, axes = column_axes(2.4)
    handles, scale = draw_curves(axes, view)
    observed = float(view.runs["psnr_observed"].mean())
    handles.append(
        axes.axhline(observed, color=OBSERVED.color, ls=OBSERVED.linestyle, label="observed")
    )
    # From the observed image, or the worst final result, up: early points may lie far below.
    set_range(axes, view, scale, [*view.completed["psnr"], observed])
    heading(figure, said(view))
    legend_below(figure, handles, view.named(str(handle.get_label()) for handle in handles))
    return figure


def draw_curves(axes: Axes, view: View) -> tuple[list[Artist], str]:
    """Draw every method of the view; returns a handle for each and the scale of time."""
    scale = scale_for(view.curves.groupby("run_id")["train_seconds"].max())
    if scale == "log":
        view = replace(view, curves=view.curves[view.curves["train_seconds"] > 0])
    return [_method(axes, view, legend) for legend in view.legends], scale


def _method(axes: Axes, view: View, legend: str) -> Artist:
    runs = view.runs[view.runs["legend"] == legend]
    curves = view.curves[view.curves["run_id"].isin(runs["run_id"])]
    done = runs.loc[runs["status"] == COMPLETED, "run_id"]
    _failed(axes, curves[~curves["run_id"].isin(done)], view, legend)
    complete = curves[curves["run_id"].isin(done)]
    if len(complete):
        return _mean_line(axes, mean_curve(complete), view, legend)
    style = view.styles[legend]
    if len(done):
        level = runs["psnr"].mean()
        return axes.axhline(level, color=style.color, ls=style.linestyle, lw=1.1, label=legend)
    failed = f"{legend}: failed"
    return Line2D([], [], color=style.color, ls="", marker="x", mew=1.4, label=failed)


def _mean_line(axes: Axes, mean: pd.DataFrame, view: View, legend: str) -> Artist:
    style = view.styles[legend]
    (line,) = axes.plot(
        mean["train_seconds"],
        mean["psnr"],
        color=style.color,
        ls=style.linestyle,
        marker=style.marker,
        markevery=max(1, len(mean) // 5),
        label=legend,
    )
    low, high = mean["psnr"] - mean["std"], mean["psnr"] + mean["std"]
    axes.fill_between(mean["train_seconds"], low, high, color=style.color, alpha=0.18, lw=0)
    return line


def _failed(axes: Axes, curves: pd.DataFrame, view: View, legend: str) -> None:
    style = view.styles[legend]
    for run_id in curves["run_id"].unique()[:MOST_FAILED]:
        curve = curves[curves["run_id"] == run_id]
        axes.plot(curve["train_seconds"], curve["psnr"], color=style.color, lw=0.7, alpha=0.8)
        end = curve[curve["psnr"].notna()].tail(1)
        axes.plot(end["train_seconds"], end["psnr"], color=style.color, marker="x", ms=5, mew=1.4)


def set_range(axes: Axes, view: View, scale: str, floor: Iterable[float]) -> None:
    """Name and limit the axes: time from the curves, PSNR from the least of `floor` up."""
    ends = view.curves.groupby("run_id")["train_seconds"].max()
    set_x_scale(axes, view.curves["train_seconds"], scale)
    if scale == "linear" and len(ends):
        axes.set_xlim(0, 1.02 * ends.max())
    low = min((value for value in floor if math.isfinite(value)), default=0.0)
    everything = [*view.completed["psnr"], *view.curves["psnr"], low + 1.0]
    high = max(value for value in everything if math.isfinite(value))
    margin = 0.08 * (high - low)
    axes.set_ylim(low - margin, high + margin)
    axes.set_xlabel("training time (s)")
    axes.set_ylabel("test PSNR (dB)")


def said(view: View) -> str:
    """What is shown, with how many seeds and which band."""
    failed = ~view.curves["run_id"].isin(view.completed["run_id"])
    cross = f"; {TIMES}: failed run" if failed.any() else ""
    seeds = seeds_text(view.completed)
    flag = view.flag_note(view.legends)
    several = view.completed.groupby("legend").size().gt(1).any()
    band = ", band: ±1\N{NO-BREAK SPACE}std" if several else ""
    return f"{view.place}: mean of {seeds}{band}{cross}{flag}{view.timed_note}"
