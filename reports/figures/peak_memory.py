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


def data(view: View) -> pd.DataFrame | None:
    """Return the peak of each seed, of which a bar is the mean; None when none was measured."""
    runs = view.completed[view.completed["peak_memory_bytes"].notna()]
    if runs.empty:
        return None
    names = ["legend", "seed", "peak_memory_bytes", "peak_memory_source"]
    table = runs[names].rename(columns={"legend": "method"})
    mebibytes = table.pop("peak_memory_bytes") / MEBIBYTE
    return table.assign(peak_memory_mib=mebibytes).reset_index(drop=True)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw a bar per method; None when no run has measured its memory."""
    table = data(view)
    if table is None:
        return None
    figure, axes = canvas.column_axes(0.9 + 0.25 * len(view.legends))
    means = table.groupby("method", sort=False)["peak_memory_mib"].mean()
    # Bars mean something only from zero: a logarithmic axis is the last resort.
    scale = "log" if means.max() > 100 * means.min() else "linear"
    # Room for the number after the longest bar.
    canvas.set_x_scale(axes, means, scale, right=means.max() * (2.5 if scale == "log" else 1.18))
    for row, legend in enumerate(view.legends):
        _method(axes, row, table.loc[table["method"] == legend, "peak_memory_mib"], view, legend)
    canvas.name_rows(axes, view.legends)
    sources = sorted(set(table["peak_memory_source"]) - {""}) or ["unknown source"]
    named = " and ".join(_SOURCES.get(name, printable(name)) for name in sources)
    axes.set_xlabel(f"peak memory (MiB; {named})")
    measured = view.completed[view.completed["peak_memory_bytes"].notna()]
    canvas.heading(figure, f"{view.title}: mean of {seeds_text(measured)}, one dot each")
    return figure


def _method(axes: Axes, row: int, peaks: pd.Series[float], view: View, legend: str) -> None:
    left = axes.get_xlim()[0]
    if peaks.empty:
        reason = view.failure(legend)
        text = "not measured" if reason == "completed" else reason
        axes.annotate(text, (left, row), xytext=(3, 0), **canvas.BESIDE, color="#555555")
        return
    mean = peaks.mean()
    axes.barh(row, mean - left, left=left, height=0.62, color=view.styles[legend].color)
    axes.plot(peaks, [row + offset for offset in canvas.seed_offsets(len(peaks))], **_DOTS)
    axes.annotate(number(mean), (peaks.max(), row), xytext=(4, 0), **canvas.BESIDE)
