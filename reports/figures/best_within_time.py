"""The best quality that each method has after a given training time, and which method leads."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd
import seaborn
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.differences import verdict_on
from reports.figures import canvas
from reports.figures.layout import layout
from reports.figures.style import GREY, by_method
from reports.figures.view import View, seeds_text
from reports.stats.aggregate import Array
from reports.stats.verdicts import BETTER, INCONCLUSIVE

SECTION = "training"
TITLE = "Best PSNR within a training time"
CAPTION = (
    "The highest validation PSNR that a training has had up to a time: mean over seeds of the "
    "running maximum; bands are one standard deviation over seeds, a spread and no interval. A "
    "method that does not train starts after its preparation. The strip names the method with the "
    "highest mean where the 95 % interval of its difference to the second, paired by seed, "
    "excludes 0, also at the level at which its differences to all others hold together, at every "
    "time of a twentieth of the axis; grey is inconclusive. The axis begins where a curve reaches "
    "the lowest final PSNR. A training that is planned for a shorter time may do better at that "
    "time than the beginning of a longer one."
)
TIMES_DRAWN, STRETCH = 160, 8  # times; those over which a lead must last
_INCHES_PER_LETTER = 0.065  # of the strip's text


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a line per method above the strip of leaders; None without a curve."""
    table = data(view)
    if table is None:
        return None
    figure = Figure(figsize=(layout().width, 2.6), layout="constrained")
    axes, strip = figure.subplots(2, sharex=True, height_ratios=(1, 0.09))
    _lines(axes, table, view)
    scale = canvas.scale_for(table["train_seconds"])
    canvas.set_x_scale(strip, table["train_seconds"], scale)
    strip.set_xlim(table["train_seconds"].min(), table["train_seconds"].max())
    _strip(strip, table, view, scale)
    strip.set_xlabel("training time (s)")
    legends = list(dict.fromkeys(table["method"]))
    shown = view.completed[view.completed["legend"].isin(legends)]
    several = table["psnr_low"].notna().any()
    band = ", band: ±1\N{NO-BREAK SPACE}std" if several else ""
    left_out = canvas.left_out(view.curves["psnr"])
    words = f"mean of {seeds_text(shown)}{band}; strip: the leader{left_out}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}: {words}")
    handles = [Line2D([], [], **view.styles[name].line) for name in legends]
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def data(view: View) -> pd.DataFrame | None:
    """Return a row per method and time: psnr (dB, mean over seeds), its ends, and ahead.

    From the time on that each seed of the method has a value; psnr_low, psnr_high: one standard
    deviation below and above, NaN for one seed. ahead: whether the method leads at that time by
    more than chance. None without a curve.
    """
    times = _times(view)
    if times.size < 2:
        return None
    seeds = sorted(view.completed["seed"].unique())
    groups = view.completed.groupby("legend", sort=False)
    best = {str(name): _best_so_far(view, runs, seeds, times) for name, runs in groups}
    best = {name: values for name, values in best.items() if np.isfinite(values).any()}
    means = {name: _mean(values) for name, values in best.items()}
    ahead = _lasting([_ahead(best, means, at) for at in range(times.size)])
    tables = [
        pd.DataFrame(
            {
                "method": name,
                "train_seconds": times,
                "psnr": means[name],
                "psnr_low": means[name] - _std(values),
                "psnr_high": means[name] + _std(values),
                "ahead": np.array(ahead) == name,
            }
        )
        for name, values in best.items()
    ]
    table = pd.concat(tables, ignore_index=True) if tables else pd.DataFrame({"psnr": []})
    table = table[np.isfinite(table["psnr"])].reset_index(drop=True)
    return table if len(table) else None


def _times(view: View) -> Array:
    """The times that are drawn, (times,), from the first with a PSNR in view to the last."""
    curves = view.curves[view.curves["run_id"].isin(view.completed["run_id"])]
    curves = curves[np.isfinite(curves["psnr"])]
    in_view = curves["psnr"] >= view.completed["curve_psnr"].min()
    seconds = canvas.positive(curves["train_seconds"])
    low = min(canvas.positive(curves.loc[in_view, "train_seconds"]), default=math.inf)
    high = max(seconds, default=0.0)
    if low >= high:
        return np.empty(0)
    spaced = np.geomspace if canvas.scale_for(seconds) == "log" else np.linspace
    times: Array = np.unique(np.clip(spaced(low, high, TIMES_DRAWN), low, high))
    return times


def _best_so_far(view: View, runs: pd.DataFrame, seeds: list[int], times: Array) -> Array:
    """Return the running maximum of the PSNR (dB) of a method's runs, (seeds, times)."""
    found = np.full((len(seeds), times.size), np.nan)
    curves = dict(iter(view.curves[view.curves["run_id"].isin(runs["run_id"])].groupby("run_id")))
    prepared = runs[["tune_seconds", "denoiser_train_seconds"]].sum(axis=1)
    columns = (runs["run_id"], runs["seed"], runs["curve_psnr"], prepared)
    for run_id, seed, final, start in zip(*columns, strict=True):
        level = np.array([final])
        seconds = np.array([start])
        if run_id in curves:
            curve = curves[run_id]
            curve = curve[np.isfinite(curve["psnr"])].sort_values("train_seconds", kind="stable")
            seconds, level = curve["train_seconds"].to_numpy(), curve["psnr"].cummax().to_numpy()
        at = np.searchsorted(seconds, times, side="right")
        found[seeds.index(seed)] = np.append(np.nan, level)[at]
    return np.where(np.isfinite(found), found, np.nan)


def _mean(values: Array) -> Array:
    """Return the mean over the seeds that a method has, NaN where one of them has no value yet."""
    mean: Array = values[np.isfinite(values).any(axis=1)].mean(axis=0)
    return mean


def _std(values: Array) -> Array:
    own = values[np.isfinite(values).any(axis=1)]
    return own.std(axis=0, ddof=1) if len(own) > 1 else np.full(values.shape[1], np.nan)


def _ahead(best: dict[str, Array], means: dict[str, Array], at: int) -> str:
    """Return the method that leads by more than chance at a time, "" where none does."""
    known = {name: mean[at] for name, mean in means.items() if math.isfinite(mean[at])}
    if len(known) < 2:
        return ""
    first, second = sorted(known, key=lambda name: -known[name])[:2]
    pairs = (best[first] - best[second])[:, at : at + 1]
    return first if verdict_on(pairs, len(known) - 1) == BETTER else ""


def _lasting(ahead: list[str]) -> list[str]:
    """Return the leader of each time, "" in a stretch that has several, or none at some time."""
    parts = [ahead[at : at + STRETCH] for at in range(0, len(ahead), STRETCH)]
    leaders = [part[0] if len(set(part)) == 1 else "" for part in parts]
    return [leader for leader, part in zip(leaders, parts, strict=True) for _ in part]


def _lines(axes: Axes, table: pd.DataFrame, view: View) -> None:
    styles = {name: view.styles[name] for name in dict.fromkeys(table["method"])}
    seaborn.lineplot(
        table,
        **{"x": "train_seconds", "y": "psnr", "drawstyle": "steps-post", "lw": 1.2, "ax": axes},
        **{**by_method(styles), "markers": False},
    )
    for name, own in table.dropna().groupby("method", sort=False):
        look: dict[str, Any] = {"color": styles[str(name)].color, "alpha": 0.14, "lw": 0}
        axes.fill_between(
            own["train_seconds"], own["psnr_low"], own["psnr_high"], step="post", **look
        )
    ends = table.groupby("method")["psnr"].last()
    low, high = ends.min(), ends.max()
    margin = 0.08 * canvas.room(low, high)
    axes.set(ylim=(low - 3 * margin, high + margin), xlabel="", ylabel="validation PSNR (dB)")


def _strip(axes: Axes, table: pd.DataFrame, view: View, scale: str) -> None:
    (low, high), width = axes.get_xlim(), 0.8 * layout().width
    place = math.log if scale == "log" else float
    for leader, start, end in leaders(table):
        color = view.styles[leader].color if leader else GREY
        axes.axvspan(start, end, color=color, alpha=0.9 if leader else 0.25, lw=0)
        share = (place(end) - place(start)) / (place(high) - place(low))
        text = leader or INCONCLUSIVE
        if share * width > _INCHES_PER_LETTER * len(text):
            middle = (
                math.exp((place(start) + place(end)) / 2) if scale == "log" else (start + end) / 2
            )
            color = "white" if leader else "#444444"
            axes.text(middle, 0.45, text, ha="center", va="center", color=color, fontsize=6.5)
    axes.set(ylim=(0, 1), yticks=[])
    axes.grid(False)


def leaders(table: pd.DataFrame) -> Iterator[tuple[str, float, float]]:
    """Yield the stretches of the strip: the method that is ahead ("": none), from when to when."""
    ahead = table["method"].where(table["ahead"], "")
    at_time = ahead.groupby(table["train_seconds"]).max()
    times = [*at_time.index, at_time.index[-1]]
    place = 0
    for leader, group in itertools.groupby(at_time):
        count = len(list(group))
        yield str(leader), float(times[place]), float(times[place + count])
        place += count
