"""Reconstruction quality against the cost of one image."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.style import MethodStyle
from reports.figures.view import View, seeds_text
from reports.stats.intervals import crossed_interval

SECTION = "reconstruction"
TITLE = "Final PSNR against reconstruction time"
CAPTION = (
    "Final PSNR on the test images against the time to reconstruct one image; up and to the left "
    "is better. Marks are means over seeds. Vertical bars are 95 % intervals of the mean over "
    "seeds and test images (over seeds only where the records have no images); horizontal bars are "
    "one standard deviation over seeds, a spread and no interval. Wide bars may end outside the "
    "axes."
)


def data(view: View) -> pd.DataFrame | None:
    """Return the mean of each method with the ends of its bars, NaN where there is no interval."""
    runs = view.completed.dropna(subset=["psnr", "reconstruct_seconds_per_image"])
    runs = runs.assign(milliseconds=1000 * runs["reconstruct_seconds_per_image"])
    runs = runs[runs["milliseconds"] >= 0]
    rows = [_row(own, view, str(name)) for name, own in runs.groupby("legend", sort=False)]
    return pd.DataFrame(rows) if rows else None


def _row(runs: pd.DataFrame, view: View, legend: str) -> dict[str, object]:
    times, psnr = runs["milliseconds"], float(runs["psnr"].mean())
    interval = crossed_interval(view.dataset.seeds_by_images(runs))
    spread = float(times.std()) if interval.known else math.nan
    return {
        **{"method": legend, "seeds": len(runs), "unconverged": legend in view.unconverged},
        "milliseconds_per_image": times.mean(),
        "milliseconds_per_image_low": times.mean() - spread,
        "milliseconds_per_image_high": times.mean() + spread,
        # A mean over seeds and images is that of the interval, but for what rounding adds.
        **{
            "psnr": psnr,
            "psnr_low": min(interval.low, psnr),
            "psnr_high": max(interval.high, psnr),
        },
    }


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a point per method; None when no run has both numbers."""
    table = data(view)
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.3)
    legends = list(table["method"])
    rows = table.to_dict("records")
    handles = [_method(axes, row, view.styles[row["method"]]) for row in rows]
    times, scale = (
        table["milliseconds_per_image"],
        canvas.scale_for(table["milliseconds_per_image"]),
    )
    canvas.set_x_scale(axes, times, scale, right=1.1 * times.max() if scale == "linear" else None)
    axes.set(xlabel="reconstruction time per image (ms)", ylabel="test PSNR (dB)")
    _limit_y(axes, table["psnr"])
    runs = view.completed.dropna(subset=["psnr", "reconstruct_seconds_per_image"])
    runs = runs[runs["reconstruct_seconds_per_image"] >= 0]
    several = (table["seeds"] > 1).any()
    bars = "; bars: 95 % interval of PSNR, ±1\N{NO-BREAK SPACE}std of time" if several else ""
    shown = f"mean of {seeds_text(runs)}{bars}{view.notes(legends)}"
    canvas.heading(figure, f"{view.title}: {shown}")
    canvas.legend_below(figure, handles, view.named(legends))
    return figure


def _limit_y(axes: Axes, means: pd.Series[float]) -> None:
    """Intervals of two seeds can be so wide that all marks would lie on each other."""
    span = canvas.room(means.min(), means.max())
    low, high = axes.get_ylim()
    axes.set_ylim(max(low, means.min() - 0.6 * span), min(high, means.max() + 0.6 * span))


def _method(axes: Axes, row: dict[Hashable, Any], style: MethodStyle) -> Artist:
    bars: Any = {
        f"{axis}err": [[row[name] - row[f"{name}_low"]], [row[f"{name}_high"] - row[name]]]
        for axis, name in (("x", "milliseconds_per_image"), ("y", "psnr"))
        if math.isfinite(row["psnr_low"])
    }
    # Methods that share the forward solver cost the same: see through those on top.
    fill = "none" if row["unconverged"] else (style.color, 0.35)
    marks = {**style.marks, "ms": 6.5, "mfc": fill, "mec": style.color, "mew": 1.0}
    x, y = row["milliseconds_per_image"], row["psnr"]
    drawn = axes.errorbar(x, y, elinewidth=0.9, **bars, **marks)
    return drawn.lines[0]
