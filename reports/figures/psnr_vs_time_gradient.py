"""PSNR against training time of the gradient methods alone, enlarged."""

from __future__ import annotations

from dataclasses import replace

from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.psnr_vs_time import draw_curves
from reports.figures.view import View

SECTION = "training"
TITLE = "PSNR against training time, gradient methods"
CAPTION = (
    "The previous figure for the gradient methods alone, enlarged, with the other methods that "
    "reach the same range. The gradient methods differ only in how they compute the gradient."
)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw the gradient methods; None when the figure of all methods shows the same."""
    gradient = view.runs["family"] == "gradient"
    curves = view.curves[view.curves["run_id"].isin(view.runs.loc[gradient, "run_id"])]
    if curves["psnr"].notna().sum() == 0 or gradient.all():
        return None
    # The first point is where all of them start; most of the others lie above it.
    lowest = curves["psnr"].min()
    shown = gradient | (view.runs.groupby("legend")["curve_psnr"].transform("min") >= lowest)
    runs = view.runs[shown]
    part = replace(view, runs=runs, curves=view.curves[view.curves["run_id"].isin(runs["run_id"])])
    return draw_curves(part, curves["psnr"])
