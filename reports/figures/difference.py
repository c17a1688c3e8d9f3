"""The difference in PSNR of every method from one, paired by seed and test image."""

from __future__ import annotations

import math

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


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a row per method but the reference; None without the reference or another method."""
    found = differences(view)
    if not any(math.isfinite(each.interval.estimate) for each in found.values()):
        return None
    figure, axes = canvas.column_axes(1.0 + 0.27 * len(found))
    ends = [0.0]
    for row, (name, each) in enumerate(found.items()):
        ends += _method(axes, row, each, view, name)
    axes.axvline(0, color=GREY, lw=0.9, zorder=1)
    canvas.name_rows(axes, view.named(found))
    room = max(max(ends) - min(ends), 0.01)
    axes.set_xlim(min(ends) - 0.05 * room, max(ends) + 0.55 * room)  # for the verdicts
    axes.set_xlabel(f"difference in test PSNR from {view.dataset.reference} (dB)")
    counts = [each.seeds for each in found.values()]
    seeds = counted(max(counts), "seed")
    seeds = seeds if min(counts) == max(counts) else f"{min(counts)} to {seeds}"
    over = "seeds and images" if view.dataset.pool.image_gains else "seeds"
    shown = f"mean of {seeds}, bar: 95 % interval over {over}"
    canvas.heading(figure, f"{view.title}: {shown}{view.flags(found)}")
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


def _method(axes: Axes, row: int, found: Difference, view: View, name: str) -> list[float]:
    """Draw a mark, its bar and its verdict; return where they end."""
    interval, style = found.interval, view.styles[name]
    if math.isnan(interval.estimate):
        text = view.failure(name) or "no pair"
        axes.annotate(text, (0, row), xytext=(4, 0), **canvas.BESIDE, color="#555555")
        return []
    ends = [interval.low, interval.high] if interval.known else []
    axes.hlines([row] * (len(ends) // 2), ends[:1], ends[1:], color=style.color, lw=1.4)
    axes.plot(interval.estimate, row, **style.marks)
    text, place = f"{found.verdict}, {found.wins}/{found.seeds}", axes.get_yaxis_transform()
    at_edge = {**canvas.BESIDE, "fontsize": 6.5, "ha": "right"}
    axes.annotate(text, (1, row), xycoords=place, xytext=(-2, 0), **at_edge)
    return [interval.estimate, *ends]
