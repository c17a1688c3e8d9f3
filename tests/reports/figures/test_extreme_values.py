"""Figures leave out what no axis can show, and say how many values that are."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.data.gradients import gradient_data
from reports.data.pool import reached_times
from reports.figures import (
    canvas,
    convergence,
    gradient_error,
    gradient_tolerance,
    peak_memory,
    psnr_vs_time,
    quality_vs_cost,
    ranks,
    reconstruction,
)
from reports.figures.drift import relative_speeds
from reports.figures.gradient_canvas import MOST_STATES
from reports.figures.view import GradientView, View, gradient_views, views
from tests.support import gradient_rows
from tests.support import records as factories

Rows = list[dict[str, object]]


def heading(module: ModuleType, view: object) -> str:
    figure = module.draw(view)
    assert isinstance(figure, Figure)
    assert figure._suptitle is not None
    figure.draw_without_rendering()
    return " ".join(figure._suptitle.get_text().split())


def view_of(folder: Path, *records: RunRecord) -> View:
    write_experiment(folder / "experiment.yaml", {})
    for record in records:
        write_record(folder, record)
    (only,) = views(Dataset.of(load_results(folder), "gain=5"))
    return only


def gradient_view(folder: Path, rows: Rows) -> GradientView:
    (only,) = gradient_views(gradient_data(load_results(gradient_rows.write_study(folder, rows))))
    return only.at(16)


def changed(rows: Rows, first: int, **values: object) -> Rows:
    """The rows, the first few of them with other values."""
    return [{**row, **(values if at < first else {})} for at, row in enumerate(rows)]


def test_infinite_values_of_runs_are_left_out_and_counted(tmp_path: Path) -> None:
    record = factories.run_record("ift")
    infinite = replace(
        record,
        curve=changed(record.curve, 3, psnr=-math.inf),
        reconstruction=changed(record.reconstruction, 2, psnr=math.inf),
        steps=changed(record.steps, 4, adjoint_residual=math.inf),
    )
    view = view_of(tmp_path, infinite)
    assert "3 infinite values left out" in heading(psnr_vs_time, view)
    assert "2 infinite values left out" in heading(reconstruction, view)
    assert "4 infinite values left out" in heading(convergence, view)


def test_figures_without_an_infinite_value_do_not_speak_of_them(view: View) -> None:
    for module in (psnr_vs_time, reconstruction, convergence):
        assert "infinite" not in heading(module, view)


def test_infinite_values_of_gradients_are_left_out_and_counted(tmp_path: Path) -> None:
    rows = gradient_rows.study_rows(("jfb", "ift"), sizes=(16,), seeds=1, states=("initial",))
    usual = [row for row in rows if row["tolerance"] == 1e-4]
    others = [row for row in rows if row["tolerance"] != 1e-4]
    given = [
        *changed(usual, 1, relative_error=math.inf, cosine=-math.inf),
        *changed(others, 1, cosine=math.inf),
    ]
    view = gradient_view(tmp_path, given)
    assert "1 infinite value left out" in heading(gradient_error, view)
    assert "2 infinite values left out" in heading(gradient_tolerance, view)


def test_few_states_of_many_have_a_panel(tmp_path: Path) -> None:
    states = ["initial", "trained", "$\\frac{", "\x1b[2J", "z" * 200, "zz"]
    rows = gradient_rows.study_rows(("jfb",), sizes=(16,), seeds=1, states=states)
    view = gradient_view(tmp_path, rows)
    assert "2 further states left out" in heading(gradient_error, view)
    figure = gradient_error.draw(view)
    assert figure is not None
    titles = [axes.get_title(loc="left") for axes in figure.axes]
    assert len(titles) == MOST_STATES == 4
    assert titles[:3] == ["initial weights", "trained weights", "?[2J weights"]


@pytest.mark.parametrize("steps", [5e-324, 0.0, None])
def test_the_speed_of_a_run_is_not_made_up_from_its_steps(
    tmp_path: Path, steps: float | None
) -> None:
    odd = replace(factories.run_record(seed=2), row=factories.run_row(seed=2, steps=steps))
    view = view_of(tmp_path, *(factories.run_record(seed=seed) for seed in range(2)), odd)
    found = relative_speeds(view.runs)
    assert list(found["seed"]) == [0, 1]
    assert np.isfinite(found["percent"]).all()


def test_a_time_below_zero_is_none(tmp_path: Path) -> None:
    record = factories.run_record("ift")
    odd = replace(
        record,
        row={**record.row, "reconstruct_seconds_per_image": -1.0},
        curve=changed(record.curve, 99, train_seconds=-1.0),
        reconstruction=changed(record.reconstruction, 99, seconds_per_image=-1.0),
    )
    view = view_of(tmp_path, odd, factories.run_record("jfb"))
    assert np.isnan(reached_times(view.runs)["ift"]).all()
    for module in (quality_vs_cost, reconstruction):
        figure = module.draw(view)
        assert figure is not None
        (legend,) = figure.legends
        assert [text.get_text() for text in legend.get_texts()] == ["jfb"]


@pytest.mark.parametrize(("low", "high"), [(0.0, 0.0), (1e100, 1e100), (-1e100, 1e-300)])
def test_an_axis_has_room_for_equal_numbers(low: float, high: float) -> None:
    assert low - canvas.room(low, high) < low < high + canvas.room(low, high)
    assert canvas.room(1.0, 4.0) == 3.0


def test_a_long_name_leaves_room_for_the_axes(tmp_path: Path) -> None:
    assert canvas.wrapped("phantom[steps=3,damping=0.5]") == "phantom\n[steps=3,\ndamping=0.5]"
    assert canvas.wrapped("n" * 50) == "\n".join(("n" * 20, "n" * 20, "n" * 10))
    named = [factories.run_record("ift", seed) for seed in range(2)]
    for record in named:
        record.row.update(method="n" * 60, run_id=f"n{record.row['seed']}")
    view = view_of(tmp_path, *named, *(factories.run_record("jfb", seed) for seed in range(2)))
    for module, shown in ((peak_memory, view), (ranks, [view])):
        figure = module.draw(shown)
        assert figure is not None
        figure.draw_without_rendering()
        assert figure.axes[0].get_position().width > 0.4
