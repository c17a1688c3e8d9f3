"""Is the difference of every method from one larger than the noise?"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.best import UNKNOWN, times_against
from reports.data.differences import TOO_FEW, difference
from reports.figures import canvas
from reports.figures.layout import layout
from reports.figures.style import GREY
from reports.figures.view import View
from reports.format import TIMES, counted, fixed, significant
from reports.stats.intervals import crossed_interval
from reports.stats.verdicts import BETTER, INCONCLUSIVE, WORSE, together

SECTION = "scores"
TITLE = "Is the difference larger than the noise?"
CAPTION = (
    "Difference of every method from the reference, in multiples of the noise: of the PSNR on the "
    "test images, paired by seed and image, and of the time of a training step, as a ratio paired "
    "by seed. The noise is the margin of a 95 % interval at the level at which all verdicts of a "
    "panel hold together: of PSNR over seeds and test images, of times from the measured noise "
    "floor and the deviations of all methods. A mark in the grey band is no larger than the noise. "
    "Filled: clear of the noise, by the verdict; open: inconclusive; at the edge: 30 times the "
    "noise, or more. Beside a mark: the difference and its noise."
)
PSNR, STEP = "PSNR", "step time"
LIMIT = 30.0  # multiples of the noise; what is larger is drawn there
LONG = 1e4  # dB, from which a number is written with an exponent
_LEAST_WIDTH = 3.2  # inches of a panel
_OF_STEP = "step_seconds"
_CLEAR = (BETTER, WORSE)
Row = dict[Any, Any]  # of the table
Rows = dict[Any, Row]


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a row per method but the reference, a panel each for PSNR and time; None without any."""
    table = data(view)
    if table is None:
        return None
    panels = [name for name in (PSNR, STEP) if name in set(table["quantity"])]
    rows = list(dict.fromkeys(table["method"]))
    across = layout().across(len(panels), _LEAST_WIDTH)
    width = layout().widest if across > 1 else layout().width
    down = len(panels) // across
    height = 0.4 + down * (0.6 + 0.24 * len(rows))
    figure = Figure(figsize=(width, height), layout="constrained")
    every = figure.subplots(down, across, sharey=True, squeeze=False)
    for axes, quantity in zip(every.flat, panels, strict=True):
        own = table[table["quantity"] == quantity].set_index("method")
        _panel(axes, rows, own.to_dict("index"), view, quantity)
    seeds = table["seeds"]
    most = counted(seeds.max(), "seed")
    least = seeds[seeds > 0].min()
    of = most if least == seeds.max() else f"{least} to {most}"
    clear = ", ".join(_answer(table[table["quantity"] == name], name) for name in panels)
    shown = f"difference from {view.dataset.reference}, {of}; clear of the noise: {clear}"
    canvas.heading(figure, f"{view.title}: {shown}{view.notes(rows)}")
    return figure


def data(view: View) -> pd.DataFrame | None:
    """Return a row per method and quantity: its difference, unit, noise, verdict and seeds.

    The difference is that of the PSNR (dB), or the logarithm of the ratio of the times of a
    training step; noise: the margin in the same unit, NaN where the seeds are too few. The
    reference has no row. None without the reference, another method or a known difference.
    """
    if view.dataset.reference not in view.legends:
        return None
    table = pd.DataFrame([*_of_quality(view), *_of_time(view)])
    table = table[np.isfinite(table["difference"])] if len(table) else table
    return table.reset_index(drop=True) if len(table) else None


def _others(view: View) -> list[str]:
    return [name for name in view.legends if name != view.dataset.reference]


def _of_quality(view: View) -> list[dict[str, object]]:
    pool, reference, others = view.dataset.pool, view.dataset.reference, _others(view)
    rows = []
    for name in others if reference in pool.gains else []:
        values = pool.differences_on(name, reference, view.workload)
        found = difference(values, len(others))
        interval = crossed_interval(values, together(len(others)), symmetric=True)
        noise = (interval.high - interval.low) / 2
        row = {
            "method": name,
            "quantity": PSNR,
            "unit": "dB",
            "difference": found.interval.estimate,
        }
        rows.append({**row, "noise": noise, "verdict": found.verdict, "seeds": found.seeds})
    return rows


def _of_time(view: View) -> list[dict[str, object]]:
    runs = view.completed[view.completed["steps"] > 0]
    runs = runs.assign(**{_OF_STEP: runs["train_seconds"] / runs["steps"]})
    runs = runs[(runs[_OF_STEP] > 0) & np.isfinite(runs[_OF_STEP])]
    groups = {str(name): own for name, own in runs.groupby("legend", sort=False)}
    base = groups.pop(view.dataset.reference, None)
    if base is None or not groups:
        return []
    floor = view.dataset.floor.noise_of("step", runs)
    rows = []
    for name, found in times_against(groups, base, _OF_STEP, floor).items():
        row = {
            "method": name,
            "quantity": STEP,
            "unit": "log ratio",
            "difference": found.interval.estimate,
        }
        pairs = len(set(groups[name]["seed"]) & set(base["seed"]))
        rows.append({**row, "noise": found.margin, "verdict": found.verdict, "seeds": pairs})
    return rows


def _answer(own: pd.DataFrame, quantity: str) -> str:
    """How many of the differences of a quantity are clear of the noise."""
    return f"{int(own['verdict'].isin(_CLEAR).sum())} of {len(own)} in {quantity}"


def _panel(axes: Axes, names: list[str], rows: Rows, view: View, quantity: str) -> None:
    axes.axvspan(-1, 1, color=GREY, alpha=0.2, lw=0)
    axes.axvline(0, color=GREY, lw=0.8)
    at_edge = {**canvas.BESIDE, "fontsize": 6.5, "ha": "left", "annotation_clip": False}
    edge = axes.get_yaxis_transform()
    for row, name in enumerate(names):
        each = rows.get(name)
        text = _text(each, quantity) if each else _reason(view, name, quantity)
        axes.annotate(text, (1, row), xycoords=edge, xytext=(4, 0), **at_edge)
        if each and each["noise"] >= 0:
            style = view.styles[name]
            fill = style.color if each["verdict"] in _CLEAR else "white"
            axes.plot(_multiple(each), row, **style.marks, mfc=fill, clip_on=False, zorder=3)
    axes.set_xscale("symlog", linthresh=1.0, linscale=0.7)
    axes.set_xlim(-LIMIT, LIMIT)
    canvas.fixed_ticks(axes.xaxis, [-10, -3, -1, 0, 1, 3, 10])
    canvas.name_rows(axes, view.named(names))
    better = "right" if quantity == PSNR else "left"
    axes.set_title(f"{quantity} ({better} is better)", loc="left")
    axes.set_xlabel("difference / noise")


def _multiple(each: Row) -> float:
    """The difference in multiples of the noise, at most LIMIT."""
    size, noise = each["difference"], each["noise"]
    if size == 0:
        return 0.0
    return math.copysign(min(abs(size / noise) if noise else math.inf, LIMIT), size)


def _text(each: Row, quantity: str) -> str:
    """What stands beside a mark: the difference with its noise."""
    size, verdict = each["difference"], each["verdict"]
    value = _decibels(size) if quantity == PSNR else f"{TIMES} {significant(_exp(size), 3)}"
    unit = " dB" if quantity == PSNR else ""
    if verdict in (TOO_FEW, UNKNOWN):
        return f"{value}{unit}, noise unknown"
    margin = _decibels(each["noise"]) if quantity == PSNR else _percent(each["noise"])
    return f"{value} ± {margin}{unit}" + (f", {verdict}" if verdict == INCONCLUSIVE else "")


def _reason(view: View, name: str, quantity: str) -> str:
    """What stands in a row without a mark."""
    done = view.completed[view.completed["legend"] == name]
    if done.empty:
        return view.failure(name)
    return "no pair" if quantity == PSNR or (done["steps"] > 0).any() else "not trained"


def _decibels(value: float) -> str:
    return fixed(value, 2) if abs(value) < LONG else significant(value)


def _exp(value: float) -> float:
    return math.exp(min(value, 700.0))


def _percent(margin: float) -> str:
    return f"{significant(100 * (_exp(margin) - 1), 2)} %"
