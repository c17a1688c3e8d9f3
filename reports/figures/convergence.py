"""The residuals of the forward and of the adjoint solve during training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures import canvas
from reports.figures.style import GREY
from reports.figures.view import View, seeds_text

SECTION = "diagnostics"
TITLE = "Residuals of the solves during training"
CAPTION = (
    "Relative residual at the end of the forward solve of each training step, and of the adjoint "
    "solve (dotted): medians over seeds and over 10 steps. The grey line is the tolerance of the "
    "forward solve, the dotted grey line that of an adjoint solve. Methods without a solve are not "
    "shown."
)
DOTTED = (0, (1, 1.2))
MOST_SEEDS = 20  # of a method; the median of more looks the same


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw the residuals of each gradient method; None when no run kept its steps."""
    found = {name: _steps(view, name) for name in view.legends}
    shown = {name: table for name, table in found.items() if not table.empty}
    residuals = [value for table in shown.values() for value in table.to_numpy().ravel()]
    if not canvas.positive(residuals):
        return None
    figure, axes = canvas.column_axes(2.3)
    for name, table in shown.items():
        style = view.styles[name]
        _line(axes, table["forward_residual"], style.color, style.linestyle)
        _line(axes, table["adjoint_residual"], style.color, DOTTED)
    for path, line in ((("forward",), "-"), (("method", "parameters"), DOTTED)):
        for tolerance in _tolerances(view, (*path, "tolerance")):
            axes.axhline(tolerance, color=GREY, lw=0.8, ls=line)
    canvas.logarithmic_y(axes, residuals)
    axes.set(xlabel="training step", ylabel="relative residual")
    runs = view.runs[view.runs["legend"].isin(shown)].groupby("legend", sort=False).head(MOST_SEEDS)
    what = f"median of {seeds_text(runs)}; dotted: adjoint solve{canvas.left_out(residuals)}"
    canvas.heading(figure, f"{view.title}: {what}")
    handles = [Line2D([], [], **view.styles[name].line) for name in shown]
    canvas.legend_below(figure, handles, list(shown))
    return figure


def _steps(view: View, legend: str) -> pd.DataFrame:
    """The median residuals of a method by step; empty if it has none."""
    runs = view.runs.loc[view.runs["legend"] == legend, "run_id"]
    together = view.dataset.results.steps_of(list(runs[:MOST_SEEDS]))
    if together.empty or together["forward_residual"].notna().sum() == 0:
        return pd.DataFrame()
    return together.groupby("step")[["forward_residual", "adjoint_residual"]].median()


def _line(axes: Axes, residuals: pd.Series[float], color: str, line: object) -> None:
    smooth = residuals.rolling(10, min_periods=1, center=True).median()
    drawable = smooth.where((smooth > 0) & np.isfinite(smooth))
    if drawable.notna().any():
        axes.plot(drawable.index, drawable, color=color, ls=line, lw=1.1)


def _tolerances(view: View, path: tuple[str, ...]) -> Iterable[float]:
    """The tolerances that the plan states there in the settings of the view's runs."""
    found = set()
    plan = view.dataset.results.plan
    runs = view.runs.loc[view.runs["layer"] != "", "run_id"]
    for name in dict.fromkeys(plan.runs[run_id][0] for run_id in runs if run_id in plan.runs):
        value: object = plan.configurations.get(name, {}).get("config")
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, float) and np.isfinite(value) and value > 0:
            found.add(value)
    return sorted(found)[:8]
