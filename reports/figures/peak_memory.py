"""Peak memory of a training step (or of a reconstruction, where nothing trains)."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.view import View, seeds_text
from reports.format import MEBIBYTE, number, printable

SECTION = "cost"
TITLE = "Peak memory"
CAPTION = (
    "Peak memory of a training step, or of a batch of reconstructions for methods that do not "
    "train, measured in a separate pass that is not timed. Bars are means, dots are seeds. On a "
    "GPU it is the peak of the CUDA allocator, on a CPU that of the bytes of live tensors; the "
    "axis label says which."
)
_DOTS: Any = {"ls": "", "marker": "o", "ms": 2.6, "mfc": "white", "mec": "black", "mew": 0.5}
_SOURCES = {
    **dict.fromkeys(("live_tensors", "live_tensor_bytes"), "live tensors"),
    **dict.fromkeys(("cuda_allocator", "cuda"), "CUDA allocator"),
}


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a bar per method; None when no run has measured its memory."""
    runs = view.completed.assign(mebibytes=view.completed["peak_memory_bytes"] / MEBIBYTE)
    measured = runs[runs["mebibytes"].notna()]
    if measured.empty:
        return None
    figure, axes = canvas.column_axes(0.9 + 0.25 * len(view.legends))
    means = measured.groupby("legend", sort=False)["mebibytes"].mean()
    # Bars mean something only from zero: a logarithmic axis is the last resort.
    scale = "log" if means.max() > 100 * means.min() else "linear"
    # Room for the number after the longest bar.
    canvas.set_x_scale(axes, means, scale, right=means.max() * (2.5 if scale == "log" else 1.18))
    left = axes.get_xlim()[0]
    for row, legend in enumerate(view.legends):
        _method(axes, row, measured[measured["legend"] == legend], view, legend, left)
    canvas.name_rows(axes, view.legends)
    sources = sorted(set(measured["peak_memory_source"]) - {""}) or ["unknown source"]
    named = " and ".join(_SOURCES.get(name, printable(name)) for name in sources)
    axes.set_xlabel(f"peak memory (MiB; {named})")
    canvas.heading(figure, f"{view.title}: mean of {seeds_text(measured)}, one dot each")
    return figure


def _method(axes: Axes, row: int, runs: pd.DataFrame, view: View, legend: str, left: float) -> None:
    if runs.empty:
        reason = view.failure(legend)
        text = "not measured" if reason == "completed" else reason
        axes.annotate(text, (left, row), xytext=(3, 0), **canvas.BESIDE, color="#555555")
        return
    mean = runs["mebibytes"].mean()
    axes.barh(row, mean - left, left=left, height=0.62, color=view.styles[legend].color)
    heights = [row + offset for offset in canvas.seed_offsets(len(runs))]
    axes.plot(runs["mebibytes"], heights, **_DOTS)
    axes.annotate(number(mean), (runs["mebibytes"].max(), row), xytext=(4, 0), **canvas.BESIDE)
