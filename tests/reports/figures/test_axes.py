"""Axes of times that are nothing, tiny or unknown: no warning, which is an error here."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
from matplotlib.figure import Figure

from bench.records import Results
from reports.data.dataset import Dataset
from reports.figures import phases, psnr_vs_time, quality_vs_cost, survival, time_to_accuracy
from reports.figures.view import View, views

MODULES = (survival, time_to_accuracy, psnr_vs_time, phases, quality_vs_cost)
TIMES = ("train_seconds", "forward_seconds", "backward_seconds", "data_seconds")


def view_of(results: Results, factor: float, method: str = "") -> View:
    """All times multiplied, or those of one method only."""
    runs, curves = results.runs, results.curves
    own_runs = runs["run_id"].str.contains(method)
    own_curves = curves["run_id"].str.contains(method)
    names = (*TIMES, "optimiser_seconds", "reconstruct_seconds_per_image")
    changed = {name: runs[name].where(~own_runs, runs[name] * factor) for name in names}
    seconds = curves["train_seconds"]
    curves = curves.assign(train_seconds=seconds.where(~own_curves, seconds * factor))
    (view,) = views(
        Dataset.of(replace(results, runs=runs.assign(**changed), curves=curves), "gain=5")
    )
    return view


@pytest.mark.parametrize("module", MODULES)
@pytest.mark.parametrize("method", ["", "jfb"])
@pytest.mark.parametrize("factor", [0.0, 5e-324, 1e-310, 1e-12, -1.0, math.nan])
def test_times_of_nothing_draw_without_a_warning(
    results: Results, module: object, method: str, factor: float
) -> None:
    figure = module.draw(view_of(results, factor, method))  # type: ignore[attr-defined]
    if figure is not None:  # nothing is known of a time that is NaN
        assert isinstance(figure, Figure)
        figure.draw_without_rendering()
        assert figure.axes[0].get_xlim()[0] < figure.axes[0].get_xlim()[1]
