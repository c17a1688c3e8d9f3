"""PSNR against training time of the gradient methods alone, enlarged."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from reports.figures.canvas import column_axes, heading, legend_below, themed
from reports.figures.psnr_vs_time import draw_curves, said, set_range
from reports.figures.view import View

NAME = "psnr_vs_time_gradient"
SECTION = "training"
TITLE = "PSNR against training time: the gradient methods"
EXPLANATION = (
    "The same as above for the gradient methods alone, enlarged, with the other methods that come "
    "as far: they differ only in how the gradient is computed."
)


@themed
def draw(view: View) -> Figure | None:
    """Draw the gradient methods; None when the figure of all methods shows the same."""
    gradient = view.runs["family"] == "gradient"
    curves = view.curves[view.curves["run_id"].isin(view.runs.loc[gradient, "run_id"])]
    if curves["psnr"].notna().sum() == 0 or gradient.all():
        return None
    # The first point is where all of them start; most of the others lie above it.
    lowest = curves["psnr"].min()
    shown = gradient | (view.runs.groupby("legend")["psnr"].transform("min") >= lowest)
    runs = view.runs[shown]
    part = replace(view, runs=runs, curves=view.curves[view.curves["run_id"].isin(runs["run_id"])])
    figure, axes = column_axes(2.4)
    handles, scale = draw_curves(axes, part)
    set_range(axes, part, scale, curves["psnr"])
    heading(figure, said(part))
    legend_below(figure, handles, part.named(str(handle.get_label()) for handle in handles))
    return figure
