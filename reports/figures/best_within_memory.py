"""The best final quality that a given memory affords."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.data.differences import TOO_FEW, verdict_on
from reports.data.noise import MARK
from reports.figures import canvas
from reports.figures.direct_labels import label_marks
from reports.figures.style import GREY
from reports.figures.view import View, seeds_text
from reports.format import MEBIBYTE
from reports.stats.aggregate import Array
from reports.stats.intervals import crossed_interval
from reports.stats.verdicts import INCONCLUSIVE

SECTION = "cost"
TITLE = "Best PSNR within a memory"
CAPTION = (
    "Final PSNR on the test images against peak memory: of a training step, or of a batch of "
    "reconstructions for methods that do not train. Marks are means over seeds; bars are 95 % "
    "intervals over seeds and test images (over seeds only where the records have no images), and "
    "may end outside the axes. The steps lead along the best method that each memory affords; "
    f"their methods are in bold. {MARK}: the difference from the best other method that needs no "
    "more memory, paired by seed and image, is inconclusive; ?: there are too few seeds to tell."
)
_LINE_LENGTH = 22  # characters of a name beside a mark
MOST_LABELS = 14  # beside marks; of more methods only those on the steps are named there


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a mark per method and the steps of the best; None where no run has both numbers."""
    table = data(view)
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.6)
    for name, each in table.set_index("method").iterrows():
        _mark(axes, each, view, str(name))
    scale, largest = canvas.scale_for(table["peak_memory_mib"]), table["peak_memory_mib"].max()
    right = 1.15 * largest if scale == "linear" else None
    canvas.set_x_scale(axes, table["peak_memory_mib"], scale, right=right)
    _limit_y(axes, table["psnr"])
    corners = _steps(axes, table)
    axes.set(xlabel="peak memory (MiB)", ylabel="test PSNR (dB)")
    legends = list(table["method"])
    shown = view.completed[view.completed["legend"].isin(legends)]
    several = "; bar: 95 % interval" if table["psnr_low"].notna().any() else ""
    words = f"mean of {seeds_text(shown)}{several}{view.flags(legends)}"
    canvas.heading(figure, f"{view.title}: {words}")
    named = table if len(table) <= MOST_LABELS else table[table["best"]]
    if len(named) < len(table):
        handles = [Line2D([], [], **view.styles[name].marks) for name in legends]
        canvas.legend_below(figure, handles, view.named(legends))
    _names(axes, named, view, corners)
    return figure


def data(view: View) -> pd.DataFrame | None:
    """Return a row per method, the one with the least memory first: its memory, PSNR and verdict.

    peak_memory_mib: mean of the peak; psnr (dB): mean with its interval; best: no method that needs
    no more memory has a higher mean; verdict: on the difference from the best other method that
    needs no more memory, "" where there is none. None where no run has both numbers.
    """
    runs = view.completed[np.isfinite(view.completed["psnr"])]
    runs = runs[(runs["peak_memory_bytes"] > 0) & np.isfinite(runs["peak_memory_bytes"])]
    rows = [_row(view, str(name), own) for name, own in runs.groupby("legend", sort=False)]
    table = pd.DataFrame(rows)
    if table.empty:
        return None
    known = np.isfinite(table["peak_memory_mib"]) & np.isfinite(table["psnr"])
    table = table[known & (table["peak_memory_mib"] > canvas.LEAST)]
    ordered: pd.DataFrame = table.sort_values(["peak_memory_mib", "psnr"], ascending=[True, False])
    ordered = ordered.reset_index(drop=True)
    before = ordered["psnr"].cummax().shift(fill_value=-math.inf)
    ordered["best"] = ordered["psnr"] > before
    ordered["verdict"] = [_verdict(view, ordered, at) for at in range(len(ordered))]
    return ordered if len(ordered) else None


def _row(view: View, name: str, runs: pd.DataFrame) -> dict[str, object]:
    interval = crossed_interval(view.dataset.seeds_by_images(runs))
    mebibytes = float((runs["peak_memory_bytes"] / MEBIBYTE).mean())
    mean = float(runs["psnr"].mean())
    ends = {"psnr_low": interval.low, "psnr_high": interval.high}
    return {"method": name, "peak_memory_mib": mebibytes, "psnr": mean, **ends}


def _verdict(view: View, table: pd.DataFrame, at: int) -> str:
    """Return how a method compares with the best of those before it."""
    pool, name = view.dataset.pool, table["method"].iloc[at]
    if not at or name not in pool.gains:
        return ""
    other = table["method"].iloc[int(table["psnr"][:at].argmax())]
    return verdict_on(pool.differences_on(name, other, view.workload), len(table) - 1)


def _steps(axes: Axes, table: pd.DataFrame) -> Array:
    """Draw the steps to the end of the axis; return their corners, (n, 2)."""
    best = table[table["best"]]
    costs = [*best["peak_memory_mib"], axes.get_xlim()[1]]
    corners = np.column_stack([np.repeat(costs, 2)[1:-1], np.repeat(best["psnr"], 2)])
    axes.plot(*corners.T, color=GREY, lw=1.0, zorder=1.5)
    return corners


def _mark(axes: Axes, each: pd.Series[float], view: View, name: str) -> None:
    style = view.styles[name]
    axes.vlines(
        each["peak_memory_mib"],
        each["psnr_low"],
        each["psnr_high"],
        color=style.color,
        lw=0.8,
        alpha=0.4,
    )
    axes.plot(each["peak_memory_mib"], each["psnr"], **style.marks, ms=5)


def _limit_y(axes: Axes, means: pd.Series[float]) -> None:
    """Intervals of two seeds can be so wide that all marks would lie on each other."""
    span = canvas.room(means.min(), means.max())
    axes.set_ylim(means.min() - 0.15 * span, means.max() + 0.3 * span)


def _names(axes: Axes, table: pd.DataFrame, view: View, corners: Array) -> None:
    signs = {INCONCLUSIVE: f"{MARK} ", TOO_FEW: "? "}
    names = [
        signs.get(verdict, "") + canvas.wrapped(name, _LINE_LENGTH)
        for verdict, name in zip(table["verdict"], view.named(table["method"]), strict=True)
    ]
    weights = [{"weight": "bold" if best else "normal"} for best in table["best"]]
    marks = table[["peak_memory_mib", "psnr"]].to_numpy(np.float64)
    label_marks(axes, marks, names, weights, avoid=corners)
