"""The residuals of the forward and of the adjoint solve while training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures.canvas import (
    column_axes,
    heading,
    legend_below,
    logarithmic_y,
    positive,
    themed,
)
from reports.figures.view import View, seeds_text

NAME = "convergence"
SECTION = "diagnostics"
TITLE = "Convergence of the solves while training"
EXPLANATION = (
    "Relative residual at the end of the forward solve of each training step (lines), and of the "
    "adjoint solve (dotted), median over seeds and over 10 steps. The grey line is the tolerance "
    "of the forward solve, the dotted one that of an adjoint solve. Methods that do not solve are "
    "not shown."
)
WINDOW = 10
DOTTED = (0, (1, 1.2))
MOST_TOLERANCES = 8
MOST_SEEDS = 20  # of a method; the median of more looks the same


@themed
def draw(view: View) -> Figure | None:
    """Draw the residuals of each gradient method; None when no run kept its steps."""
    found = {name: _steps(view, name) for name in view.legends}
    shown = {name: table for name, table in found.items() if not table.empty}
    residuals = [value for table in shown.values() for value in table.to_numpy().ravel()]
    if not positive(residuals):
        return None
    figure, axes = column_axes(2.3)
    handles: list[Artist] = []
    for name, table in shown.items():
        style = view.styles[name]
        _line(axes, table["forward_residual"], style.color, style.linestyle, 1.1)
        _line(axes, table["adjoint_residual"], style.color, DOTTED, 1.1)
        handles.append(Line2D([], [], color=style.color, ls=style.linestyle))
    for tolerance in _tolerances(view, ("forward", "tolerance")):
        axes.axhline(tolerance, color="#8a8a8a", lw=0.8)
    for tolerance in _tolerances(view, ("method", "parameters", "tolerance")):
        axes.axhline(tolerance, color="#8a8a8a", lw=0.8, ls=DOTTED)
    logarithmic_y(axes, residuals)
    axes.set_xlabel("training step")
    axes.set_ylabel("relative residual")
    runs = view.runs[view.runs["legend"].isin(shown)].groupby("legend", sort=False).head(MOST_SEEDS)
    heading(figure, f"{view.place}: median of {seeds_text(runs)}; dotted: adjoint solve")
    legend_below(figure, handles, list(shown))
    return figure


def _steps(view: View, legend: str) -> pd.DataFrame:
    """The median residuals of a method by step; empty if it has none."""
    runs = view.runs.loc[view.runs["legend"] == legend, "run_id"]
    together = view.results.steps_of(list(runs[:MOST_SEEDS]))
    if together.empty or together["forward_residual"].notna().sum() == 0:
        return pd.DataFrame()
    return together.groupby("step")[["forward_residual", "adjoint_residual"]].median()


def _line(axes: Axes, residuals: pd.Series[float], color: str, line: object, width: float) -> None:
    smooth = residuals.rolling(WINDOW, min_periods=1, center=True).median()
    drawable = smooth.where(smooth > 0)
    if drawable.notna().any():
        axes.plot(drawable.index, drawable, color=color, ls=line, lw=width)


def _tolerances(view: View, path: tuple[str, ...]) -> Iterable[float]:
    """The tolerances that the plan states there in the settings of the view's runs."""
    found = set()
    plan = view.results.plan
    runs = view.runs.loc[view.runs["layer"] != "", "run_id"]
    for name in dict.fromkeys(plan.runs[run_id][0] for run_id in runs if run_id in plan.runs):
        value: object = plan.configurations.get(name, {}).get("config")
        for key in path:
            value = value.get(key) if isinstance(value, dict) else None
        if isinstance(value, float) and np.isfinite(value) and value > 0:
            found.add(value)
    return sorted(found)[:MOST_TOLERANCES]
