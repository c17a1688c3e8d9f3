"""The residuals of the forward and of the adjoint solve during training."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
import seaborn
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from reports.figures import canvas
from reports.figures.style import GREY, by_method
from reports.figures.view import View, seeds_text

SECTION = "diagnostics"
TITLE = "Residuals of the solves during training"
CAPTION = (
    "Relative residual at the end of the forward solve of each training step, and of the adjoint "
    "solve (dotted): medians over seeds and over 10 steps. The grey line is the tolerance of the "
    "forward solve, the dotted grey line that of an adjoint solve. Methods without a solve are not "
    "shown."
)
RESIDUALS = ["forward_residual", "adjoint_residual"]
DOTTED = (0, (1, 1.2))
MOST_SEEDS = 20  # of a method; the median of more looks the same


def data(view: View) -> pd.DataFrame | None:
    """Return the residuals of each gradient method by step; None when no run kept its steps."""
    return _smoothed(_medians(view))


@canvas.themed
def draw(view: View) -> Figure | None:
    """Draw the residuals of each gradient method; None when no run kept its steps."""
    medians = _medians(view)
    table = _smoothed(medians)
    if table is None:
        return None
    figure, axes = canvas.column_axes(2.3)
    styles = {name: view.styles[name] for name in medians["method"].unique()}
    look = {**by_method(styles), "markers": False, "x": "step", "lw": 1.1, "ax": axes}
    seaborn.lineplot(table, y="forward_residual", **look)
    dotted = {**look, "style": None, "linestyle": DOTTED}
    seaborn.lineplot(table, y="adjoint_residual", **dotted)
    for path, line in ((("forward",), "-"), (("method", "parameters"), DOTTED)):
        for tolerance in _tolerances(view, (*path, "tolerance")):
            axes.axhline(tolerance, color=GREY, lw=0.8, ls=line)
    residuals = medians[RESIDUALS].to_numpy().ravel()
    canvas.logarithmic_y(axes, residuals)
    axes.set(xlabel="training step", ylabel="relative residual")
    runs = view.runs[view.runs["legend"].isin(styles)]
    runs = runs.groupby("legend", sort=False).head(MOST_SEEDS)
    what = f"median of {seeds_text(runs)}; dotted: adjoint solve{canvas.left_out(residuals)}"
    canvas.heading(figure, f"{view.title}: {what}")
    handles = [Line2D([], [], **style.line) for style in styles.values()]
    canvas.legend_below(figure, handles, list(styles))
    return figure


def _medians(view: View) -> pd.DataFrame:
    """Return the median over seeds of each method's residuals, by step."""
    nothing = pd.DataFrame(columns=["method", "step", *RESIDUALS], dtype="float64")
    return pd.concat([nothing, *(_steps(view, name) for name in view.legends)])


def _steps(view: View, legend: str) -> pd.DataFrame:
    """Return the median residuals of a method by step; no rows if it has none."""
    runs = view.runs.loc[view.runs["legend"] == legend, "run_id"]
    together = view.dataset.results.steps_of(list(runs[:MOST_SEEDS]))
    if together.empty or together["forward_residual"].notna().sum() == 0:
        return pd.DataFrame()
    return together.groupby("step")[RESIDUALS].median().reset_index().assign(method=legend)


def _smoothed(medians: pd.DataFrame) -> pd.DataFrame | None:
    """Return what a logarithmic axis shows of the medians over 10 steps; None without any."""
    if not canvas.positive(medians[RESIDUALS].to_numpy().ravel()):
        return None
    steps = medians.set_index(["step"]).groupby("method", sort=False)[RESIDUALS]
    smooth = steps.rolling(10, min_periods=1, center=True).median()
    return smooth.where((smooth > 0) & np.isfinite(smooth)).reset_index()


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
