"""The figure of metrics that methods report of their own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.figures import metrics
from reports.figures.view import View, views
from tests.support import records as factories


def view_of(folder: Path, *records: RunRecord) -> View:
    write_experiment(folder / "experiment.yaml", {})
    for record in records:
        write_record(folder, record)
    (only,) = views(Dataset.of(load_results(folder)))
    return only


def drawn(view: View) -> Figure:
    figure = metrics.draw(view)
    assert figure is not None
    return figure


def heading(figure: Figure) -> str:
    assert figure._suptitle is not None
    return " ".join(figure._suptitle.get_text().split())


def test_a_panel_for_each_name_and_a_line_for_each_method(view: View) -> None:
    figure = drawn(view)
    assert [axes.get_title(loc="left") for axes in figure.axes] == ["step scale", "share_kept"]
    scale = figure.axes[0]
    assert [line.get_color() for line in scale.lines] == [
        view.styles[name].color for name in ("jfb", "phantom")
    ]
    starts, steps = np.array([0.5, 1.5]), np.array(list(factories.STEPS))  # of the two seeds
    np.testing.assert_allclose(scale.lines[0].get_ydata(), starts.mean() * 0.5 ** (steps / 20))
    np.testing.assert_array_equal(scale.lines[0].get_xdata(), steps)
    band = scale.collections[0].get_paths()[0].vertices
    at_start = band[band[:, 0] == 0, 1]
    assert at_start.max() == pytest.approx(1.0 + starts.std(ddof=1))
    (legend,) = figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["jfb", "phantom"]
    assert "mean of 2 seeds, band: ±1\N{NO-BREAK SPACE}std".replace("\xa0", " ") in heading(figure)


def test_at_most_twelve_panels_and_what_was_left_out_is_said(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"step": step, "name": f"$\\frac{{_{at:02d}\n\x1b[2J", "value": value}
        for at in range(15)
        for step, value in enumerate((1.0, math.inf if at == 14 else 2.0, math.nan))
    ]
    record = RunRecord(factories.run_row(), metrics=rows)
    figure = drawn(view_of(tmp_path, record))
    shown = [axes for axes in figure.axes if axes.axison]
    assert len(shown) == metrics.MOST_PANELS == 12
    titles = [axes.get_title(loc="left") for axes in shown]
    assert titles[:2] == ["$\\frac{_00 ?[2J", "$\\frac{_01 ?[2J"]
    said = heading(figure)
    assert "the first 12 of 15 metrics" in said
    assert "16 values that are not finite left out" in said
    figure.draw_without_rendering()


def test_a_single_value_is_a_mark(tmp_path: Path) -> None:
    one: list[dict[str, object]] = [{"step": 7, "name": "rank", "value": 3.0}]
    (line,) = drawn(view_of(tmp_path, RunRecord(factories.run_row(), metrics=one))).axes[0].lines
    assert line.get_marker() == "o"
    assert list(line.get_ydata()) == [3.0]


@pytest.mark.parametrize("value", [math.nan, math.inf, None])
def test_no_figure_without_a_finite_value(tmp_path: Path, value: float | None) -> None:
    rows: list[dict[str, object]] = (
        [] if value is None else [{"step": 1, "name": "x", "value": value}]
    )
    assert metrics.draw(view_of(tmp_path, RunRecord(factories.run_row(), metrics=rows))) is None
