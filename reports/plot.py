"""One figure of results, as a matplotlib figure: what `results.plot(name)` returns."""

from __future__ import annotations

from types import ModuleType
from typing import Any

from matplotlib.figure import Figure

from bench.errors import UserError, unknown_name
from bench.records import Results
from reports.data.dataset import Dataset
from reports.data.gradients import gradient_data
from reports.data.targets import DEFAULT_TARGET
from reports.figures import gradient_cost
from reports.figures.draw import FIGURES, GRADIENT_FIGURES, POOLED_FIGURES, figure_name
from reports.figures.view import GradientView, View, gradient_views, views


def plot(
    results: Results,
    name: str,
    *,
    problem: str | None = None,
    size: int | None = None,
    target: str = DEFAULT_TARGET,
    reference: str | None = None,
) -> Figure:
    """Return the figure called `name`, as the report has it: a file of `report/figures/`.

    problem, size (pixels): of which workload, where there are several; target, reference: as those
    of `bench report`. Raises UserError for an unknown name, for a choice that is no single
    workload, and where there is nothing to show.
    """
    modules = {
        figure_name(each): each
        for each in (*FIGURES, *POOLED_FIGURES, *GRADIENT_FIGURES, gradient_cost)
    }
    if name not in modules:
        raise unknown_name("figure", name, modules)
    module = modules[name]
    shown = _shown(module, results, problem, size, target, reference)
    figure: Figure | None = module.draw(shown)
    if figure is None:
        raise UserError(f"figure {name!r}: the results have nothing to show in it")
    return figure


def _shown(
    module: ModuleType,
    results: Results,
    problem: str | None,
    size: int | None,
    target: str,
    reference: str | None,
) -> Any:
    """What the module draws: a view, all views, or measured gradients."""
    if module in (*GRADIENT_FIGURES, gradient_cost):
        if results.gradients.empty:
            raise UserError("the results have no measured gradients")
        found = [
            view if module is gradient_cost else view.at(each)
            for view in gradient_views(gradient_data(results))
            for each in (view.sizes[:1] if module is gradient_cost else view.sizes)
            if problem in (None, view.problem) and size in (None, each)
        ]
        return _only(found)
    if results.runs.empty:
        raise UserError("the results have no runs")
    every = views(Dataset.of(results, target, reference))
    if module in POOLED_FIGURES:
        return every
    return _only(
        [view for view in every if problem in (None, view.problem) and size in (None, view.size)]
    )


def _only(found: list[Any]) -> View | GradientView:
    if len(found) == 1:
        chosen: View | GradientView = found[0]
        return chosen
    if not found:
        raise UserError("the results have no such problem and size")
    titles = "; ".join(view.title for view in found)
    raise UserError(f"give problem and size: the results have {titles}")
