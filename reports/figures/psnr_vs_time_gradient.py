"""PSNR against training time of the gradient methods alone, enlarged."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
from matplotlib.figure import Figure

from reports.figures import canvas
from reports.figures.psnr_vs_time import curve_points, draw_curves
from reports.figures.view import View

SECTION = "training"
TITLE = "PSNR against training time, gradient methods"
CAPTION = (
    "The previous figure for the gradient methods alone, enlarged, with the other methods that "
    "reach the same range. The gradient methods differ only in how they compute the gradient."
)


def data(view: View) -> pd.DataFrame | None:
    """Return the points of the curves and levels; None when the figure of all shows the same."""
    part = _enlarged(view)
    return None if part is None else curve_points(part)


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw the gradient methods; None when the figure of all methods shows the same."""
    part = _enlarged(view)
    if part is None:
        return None
    return draw_curves(part, curve_points(part), _gradient_curves(view)["psnr"])


def _enlarged(view: View) -> View | None:
    """Return the part of a view with the gradient methods and those that come as far."""
    gradient = view.runs["family"] == "gradient"
    psnr = _gradient_curves(view)["psnr"]
    if psnr.notna().sum() == 0 or gradient.all():
        return None
    # The first point is where all of them start; most of the others lie above it.
    reached = view.runs.groupby("legend")["curve_psnr"].transform("min") >= psnr.min()
    runs = view.runs[gradient | reached]
    return replace(view, runs=runs, curves=view.curves[view.curves["run_id"].isin(runs["run_id"])])


def _gradient_curves(view: View) -> pd.DataFrame:
    runs = view.runs.loc[view.runs["family"] == "gradient", "run_id"]
    return view.curves[view.curves["run_id"].isin(runs)]
