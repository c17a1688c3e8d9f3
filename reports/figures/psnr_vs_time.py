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

COLUMNS = {
    **dict.fromkeys(("method", "shown"), "str"),
    **dict.fromkeys(("seed", "step"), "Int64"),
    **dict.fromkeys(("train_seconds", "psnr", "psnr_low", "psnr_high"), "float64"),
}
MOST_FAILED = 20  # runs of a method that are drawn on their own


def data(view: View) -> pd.DataFrame | None:
    """Return the points of every curve, and a row per level; None where there is neither.

    shown: mean (over seeds, with one standard deviation below and above), failed (a run, with its
    seed), level (of a method without a curve) or observed.
    """
    if view.curves.empty and view.completed.empty:
        return None
    level = pd.DataFrame([{"method": "observed", "shown": "observed", "psnr": _observed(view)}])
    return pd.concat([curve_points(view), level], ignore_index=True)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a line and a band per trained method, a level per method without a curve."""
    table = data(view)
    if table is None:
        return None
    # From the observed image, or the worst final result, up: early points may lie far below.
    return draw_curves(view, table, [*view.completed["curve_psnr"], _observed(view)])


def curve_points(view: View) -> pd.DataFrame:
    """Return the rows of `data` for the methods of the view, in their order."""
    names = ["run_id", "step", "train_seconds", "psnr"]
    runs = view.runs[["run_id", "seed", "status"]].assign(method=view.runs["legend"])
    curves = _drawable(view).curves[names].merge(runs, on="run_id")
    done = curves["status"] == COMPLETED
    means = [
        mean_curve(own).assign(method=name, shown="mean")
        for name, own in curves[done].groupby("method", sort=False)
    ]
    mean = pd.concat([pd.DataFrame({"psnr": [], "std": [], "method": []}), *means])
    ends = {"psnr_low": mean["psnr"] - mean["std"], "psnr_high": mean["psnr"] + mean["std"]}
    without = view.completed[~view.completed["legend"].isin(mean["method"])]
    levels = without.groupby("legend", sort=False)["curve_psnr"].mean().rename_axis("method")
    failed = curves[~done]
    first = failed.groupby("method")["seed"].transform(lambda seeds: pd.factorize(seeds)[0])
    parts = [
        failed[first < MOST_FAILED].assign(shown="failed"),
        mean.assign(**ends),
        levels.rename("psnr").reset_index().assign(shown="level"),
    ]
    nothing = pd.DataFrame({name: pd.Series(dtype=kind) for name, kind in COLUMNS.items()})
    table = pd.concat([nothing, *(part for part in parts if len(part))])[list(COLUMNS)]
    order = {name: at for at, name in enumerate(view.legends)}
    return table.sort_values(
        "method", key=lambda each: each.map(order), kind="stable", ignore_index=True
    )


def draw_curves(view: View, table: pd.DataFrame, lowest: Iterable[float]) -> Figure:
    """Draw every method of the view, and the level observed, PSNR from the least of `lowest` up."""
    view = _drawable(view)
    figure, axes = canvas.column_axes(2.4)
    handles = [_method(axes, table, legend, view.styles[legend]) for legend in view.legends]
    for level in table.loc[table["shown"] == "observed", "psnr"]:
        handles.append(axes.axhline(level, label="observed", **OBSERVED.line))
    ends, scale = _ends(view), _scale(view)
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


def _drawable(view: View) -> View:
    """Return the view without the points that its axis of times cannot show."""
    if _scale(view) == "linear":
        return view
    return replace(view, curves=view.curves[view.curves["train_seconds"] > 0])


def _scale(view: View) -> str:
    return canvas.scale_for(_ends(view))


def _ends(view: View) -> pd.Series[float]:
    return view.curves.groupby("run_id")["train_seconds"].max()


def _observed(view: View) -> float:
    return float(view.runs["curve_observed"].mean())


def _method(axes: Axes, table: pd.DataFrame, legend: str, style: MethodStyle) -> Artist:
    own = table[table["method"] == legend]
    _failed(axes, own[own["shown"] == "failed"], style.color)
    mean, level = own[own["shown"] == "mean"], own.loc[own["shown"] == "level", "psnr"]
    if len(mean):
        return _mean_line(axes, mean, style, legend)
    if len(level):
        return axes.axhline(level.item(), lw=1.1, label=legend, **style.line)
    return Line2D([], [], label=f"{legend}: failed", **{**style.marks, "marker": "x", "mew": 1.4})


def _mean_line(axes: Axes, mean: pd.DataFrame, style: MethodStyle, legend: str) -> Artist:
    look = {**style.line, "marker": style.marker, "markevery": max(1, len(mean) // 5)}
    (line,) = axes.plot(mean["train_seconds"], mean["psnr"], label=legend, **look)
    canvas.band(axes, mean, "train_seconds", "psnr", style.color)
    return line


def _failed(axes: Axes, curves: pd.DataFrame, color: str) -> None:
    for _, curve in curves.groupby("seed", sort=False):
        axes.plot(curve["train_seconds"], curve["psnr"], color=color, lw=0.7, alpha=0.8)
        end = curve[curve["psnr"].notna()].tail(1)
        axes.plot(end["train_seconds"], end["psnr"], color=color, marker="x", ms=5, mew=1.4)
