"""The difference in PSNR of every method from one, paired by seed and test image."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.data.differences import Difference, difference
from reports.figures import canvas
from reports.figures.style import GREY
from reports.figures.view import View
from reports.format import counted

SECTION = "scores"
TITLE = "Difference in PSNR from the reference"
CAPTION = (
    "Mean difference in final PSNR on the test images from the reference method, paired by seed "
    "and image; to the right of zero is better. Bars are 95 % intervals over seeds and test images "
    "(over seeds only where the records have no images). At the right: the verdict, which is "
    "better or worse only if the interval excludes zero, also at the level at which all verdicts "
    "of the figure hold together, and the fraction of the seeds won."
)


def data(view: View) -> pd.DataFrame | None:
    """Return the difference in PSNR (dB) of each method but the reference, and its verdict.

    NaN for a method without a pair, no interval where seeds are too few; None without a reference.
    """
    rows = [
        {
            "method": name,
            **{"psnr_difference": each.interval.estimate},
            **{
                "psnr_difference_low": each.interval.low,
                "psnr_difference_high": each.interval.high,
            },
            **{"verdict": each.verdict, "seeds_won": each.wins, "seeds": each.seeds},
        }
        for name, each in differences(view).items()
    ]
    table = pd.DataFrame(rows)
    return table if rows and np.isfinite(table["psnr_difference"]).any() else None


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a row per method but the reference; None without the reference or another method."""
    table = data(view)
    if table is None:
        return None
    names = list(table["method"])
    figure, axes = canvas.column_axes(1.0 + 0.27 * len(names))
    for at, row in enumerate(table.to_dict("records")):
        _method(axes, at, row, view)
    axes.axvline(0, color=GREY, lw=0.9, zorder=1)
    canvas.name_rows(axes, view.named(names))
    shown = table.filter(like="psnr_difference")
    ends = [*shown.to_numpy()[np.isfinite(shown.to_numpy())], 0.0]
    room = max(max(ends) - min(ends), 0.01)
    axes.set_xlim(min(ends) - 0.05 * room, max(ends) + 0.55 * room)  # for the verdicts
    axes.set_xlabel(f"difference in test PSNR from {view.dataset.reference} (dB)")
    least, most = table["seeds"].min(), counted(table["seeds"].max(), "seed")
    seeds = most if table["seeds"].nunique() == 1 else f"{least} to {most}"
    over = "seeds and images" if view.dataset.pool.image_gains else "seeds"
    said = f"mean of {seeds}, bar: 95 % interval over {over}"
    canvas.heading(figure, f"{view.title}: {said}{view.flags(names)}")
    return figure


def differences(view: View) -> dict[str, Difference]:
    """Return the difference of each method of the view from the reference, in its order."""
    pool, reference = view.dataset.pool, view.dataset.reference
    others = [name for name in view.legends if name != reference]
    if reference not in view.legends or reference not in pool.gains:
        return {}
    return {
        name: difference(pool.differences_on(name, reference, view.workload), len(others))
        for name in others
    }


def _method(axes: Axes, at: int, row: dict[Hashable, Any], view: View) -> None:
    """Draw a mark, its bar and its verdict."""
    mean, low, high = (row[f"psnr_difference{end}"] for end in ("", "_low", "_high"))
    style = view.styles[row["method"]]
    if math.isnan(mean):
        text = view.failure(row["method"]) or "no pair"
        axes.annotate(text, (0, at), xytext=(4, 0), **canvas.BESIDE, color="#555555")
        return
    known = math.isfinite(low)
    axes.hlines([at] * known, [low] * known, [high] * known, color=style.color, lw=1.4)
    axes.plot(mean, at, **style.marks)
    text, place = f"{row['verdict']}, {row['seeds_won']}/{row['seeds']}", axes.get_yaxis_transform()
    at_edge = {**canvas.BESIDE, "fontsize": 6.5, "ha": "right"}
    axes.annotate(text, (1, at), xycoords=place, xytext=(-2, 0), **at_edge)
