"""The tables of what figures show, and the files that they are written to."""

from __future__ import annotations

from pathlib import Path
from types import ModuleType

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.records import load_results
from reports.data.gradients import gradient_data
from reports.figures import (
    convergence,
    cost_vs_size,
    difference,
    gradient_cost,
    gradient_memory,
    gradient_tolerance,
    memory_law,
    peak_memory,
    phases,
    psnr_vs_time,
    ranks,
    survival,
    time_to_accuracy,
)
from reports.figures import draw as drawing
from reports.figures.draw import FIGURES, GRADIENT_FIGURES, POOLED_FIGURES, draw_figures
from reports.figures.view import GradientView, View, gradient_views
from tests.support import gradient_rows

OF_RUNS = [module for module in (*FIGURES, *POOLED_FIGURES) if module is not cost_vs_size]


@pytest.fixture(scope="module")
def study(tmp_path_factory: pytest.TempPathFactory) -> GradientView:
    folder = gradient_rows.write_study(tmp_path_factory.mktemp("study"))
    (only,) = gradient_views(gradient_data(load_results(folder)))
    return only


def table_of(module: ModuleType, shown: object) -> pd.DataFrame:
    table = module.data(shown)
    assert isinstance(table, pd.DataFrame)
    return table


@pytest.mark.parametrize("module", OF_RUNS)
def test_a_figure_of_runs_has_rows_with_a_method_and_numbers(
    module: ModuleType, view: View
) -> None:
    table = table_of(module, [view] if module in POOLED_FIGURES else view)
    assert set(table["method"]) <= {*view.legends, "observed"}
    assert table.columns.is_unique
    assert len(table.select_dtypes("number").columns) >= 1
    assert not table.drop_duplicates().empty


@pytest.mark.parametrize("module", [*GRADIENT_FIGURES, gradient_cost])
def test_a_figure_of_gradients_has_rows(module: ModuleType, study: GradientView) -> None:
    table = table_of(module, study if module is gradient_cost else study.at(32))
    assert set(table["method"]) == {"jfb", "ift", "phantom", "unrolling"}
    assert {"state", "seeds"} <= set(table)


def test_lines_of_the_table_are_those_of_the_figure(view: View) -> None:
    table = table_of(psnr_vs_time, view)
    figure = psnr_vs_time.draw(view)
    assert figure is not None
    (axes,) = figure.axes
    lines = {line.get_label(): line for line in axes.lines}
    jfb = table[(table["method"] == "jfb") & (table["shown"] == "mean")]
    np.testing.assert_array_equal(jfb["train_seconds"], lines["jfb"].get_xdata())
    np.testing.assert_array_equal(jfb["psnr"], lines["jfb"].get_ydata())
    np.testing.assert_allclose(jfb["psnr_high"] - jfb["psnr"], jfb["psnr"] - jfb["psnr_low"])
    assert list(table.loc[table["shown"] == "level", "method"]) == ["pnp_admm", "tv"]
    failed = table[table["shown"] == "failed"]
    assert set(failed["method"]) == {"unrolling"}
    assert set(failed["seed"]) == {1}
    assert table.tail(1)[["method", "psnr"]].to_numpy().tolist() == [["observed", 25.0]]


def test_seeds_are_in_the_table_where_the_figure_shows_them(view: View) -> None:
    times = table_of(time_to_accuracy, view)
    dncnn = times[times["method"] == "dncnn"]
    assert list(dncnn["reached_seconds"]) == [np.inf, np.inf]  # no seed there, and no median
    jfb = times[times["method"] == "jfb"]
    assert list(jfb["seed"].dropna()) == [0, 1]  # the median has none
    assert list(jfb["reached_seconds"]) == [2.0, 2.0, 2.0]
    peaks = table_of(peak_memory, view)
    assert len(peaks) == 13  # two seeds of seven methods, of which one failed
    assert set(peaks.loc[peaks["method"] == "jfb", "peak_memory_mib"]) == {20.0}
    ticks = table_of(survival, view).dropna(subset="seed")
    assert set(ticks["method"]) == {"dncnn"}


def test_the_table_has_what_is_beside_a_mark_too(view: View) -> None:
    found = table_of(difference, view).set_index("method")
    assert found.loc["ift", "verdict"] == "better"
    assert found.loc["ift", "psnr_difference"] == pytest.approx(1.0)
    assert np.isnan(found.loc["unrolling", "psnr_difference_low"])
    steps = table_of(phases, view)
    of_unrolling = steps[steps["method"] == "unrolling"]
    assert of_unrolling["milliseconds"].sum() == pytest.approx(500)
    assert list(table_of(ranks, [view])["average_rank"]) == sorted(
        table_of(ranks, [view])["average_rank"]
    )


def test_a_law_is_two_points_and_a_residual_is_smooth(view: View) -> None:
    law = table_of(memory_law, view)
    law = law[(law["method"] == "unrolling") & (law["shown"] == "law")]
    assert list(law["peak_memory_mib"]) == pytest.approx([20, 160])
    adjoint = table_of(convergence, view).set_index("method")["adjoint_residual"]
    assert set(adjoint["ift"]) == {1e-2}
    assert adjoint["jfb"].isna().all()


def test_tables_of_gradients_have_cosines_and_what_a_line_is_over(study: GradientView) -> None:
    cosines = table_of(gradient_tolerance, study.at(32))
    unrolling = cosines[cosines["method"] == "unrolling"]
    assert unrolling["tolerance"].isna().all()  # it is a line across
    assert (cosines["cosine_low"] <= cosines["cosine_high"]).all()
    memory = table_of(gradient_memory, study.at(32))
    assert set(memory.loc[memory["method"] == "unrolling", "budget"]) == {5, 20, 50}


def test_data_are_written_beside_the_figure_and_linked(
    view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "save", lambda figure, stem: None)
    drawn = {figure.stem: figure for figure in draw_figures([view], tmp_path, [])}
    assert drawn["ranks"].links == {"PDF": "ranks.pdf", "data": "ranks.csv"}
    read = pd.read_csv(tmp_path / "ranks.csv", keep_default_na=False)
    assert list(read["average_rank"]) == list(table_of(ranks, [view])["average_rank"])


def test_data_of_very_many_rows_are_not_written_and_that_is_said(
    view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "save", lambda figure, stem: None)
    monkeypatch.setattr(drawing, "FIGURES", (peak_memory, difference))
    monkeypatch.setattr(drawing, "POOLED_FIGURES", ())
    monkeypatch.setattr(drawing, "MOST_ROWS", 12)
    peaks, differences = draw_figures([view], tmp_path, [])
    assert peaks.caption.endswith("Its data have 13 rows, too many for a table beside it.")
    assert "data" not in peaks.links
    assert differences.links["data"] == "difference.csv"
    assert [file.name for file in tmp_path.glob("*.csv")] == ["difference.csv"]


def test_names_from_strangers_are_no_formulas_in_the_data(
    view: View, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(drawing, "save", lambda figure, stem: None)
    monkeypatch.setattr(drawing, "FIGURES", (odd := ModuleType("a.odd"),))
    monkeypatch.setattr(drawing, "POOLED_FIGURES", ())
    odd.__dict__.update(
        TITLE="odd",
        CAPTION="",
        SECTION="cost",
        draw=lambda view: Figure(),
        data=lambda view: pd.DataFrame({"method": ["=1+1"], "x": [1.0]}),
    )
    draw_figures([view], tmp_path, [])
    assert (tmp_path / "odd.csv").read_text() == "method,x\n'=1+1,1.0\n"
