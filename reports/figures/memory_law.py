"""Peak memory against the forward iterations, with the fitted law."""

from __future__ import annotations

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from reports.data.memory_law import memory_laws, memory_points
from reports.figures import canvas
from reports.figures.view import View, seeds_text
from reports.format import MEBIBYTE

SECTION = "cost"
TITLE = "Peak memory against forward iterations"
CAPTION = (
    "Peak memory of a training step with a fixed number of forward iterations, in a pass that is "
    "not timed (marks), and the fitted law peak = batch · pixels · (a + b · iterations), one fit "
    "for all sizes of the problem (lines)."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw marks and a line per gradient method; None when nothing was measured."""
    points = memory_points(view.dataset)
    points = points[points["run_id"].isin(view.runs["run_id"])]
    if points.empty:
        return None
    laws = memory_laws(view.dataset)
    laws = laws[laws["problem"] == view.problem].set_index("legend")
    figure, axes = canvas.column_axes(2.1)
    handles: list[Artist] = []
    legends = [name for name in view.legends if name in set(points["legend"])]
    for name in legends:
        own, style = points[points["legend"] == name], view.styles[name]
        iterations, peaks = own["forward_iterations"], own["peak_memory_bytes"] / MEBIBYTE
        handles += axes.plot(iterations, peaks, mfc=(style.color, 0.35), **style.marks)
        counts = np.linspace(0, iterations.max(), 50)
        constant, slope = laws.loc[name, ["bytes_per_pixel", "bytes_per_pixel_per_iteration"]]
        pixels = float(own["batch_size"].iloc[0]) * view.size**2
        axes.plot(counts, pixels * (constant + slope * counts) / MEBIBYTE, lw=0.9, **style.line)
    axes.set(xlim=(0, None), ylim=(0, None))
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    axes.set(xlabel="forward iterations", ylabel="peak memory (MiB)")
    shown = view.completed[view.completed["legend"].isin(legends)]
    canvas.heading(figure, f"{view.title}: {seeds_text(shown)}, one mark each; line: fitted law")
    canvas.legend_below(figure, handles, legends)
    return figure
