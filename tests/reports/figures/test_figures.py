"""Figures, asked through matplotlib's own objects what they show."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib
import numpy as np
import pytest
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.figures import (
    difference,
    gallery,
    gallery_crops,
    gradient_vs_quality,
    metrics,
    noise,
    peak_memory,
    psnr_vs_time,
    psnr_vs_time_gradient,
    quality_vs_cost,
    time_to_accuracy,
)
from reports.figures.draw import FIGURES, draw_figures
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH
from reports.figures.view import View, views
from reports.stats.intervals import crossed_interval
from tests.support import records as factories

TRAINED = ["jfb", "ift", "phantom", "unrolling", "dncnn"]


def drawn(module: object, view: View) -> Figure:
    figure = module.draw(view)  # type: ignore[attr-defined]
    assert isinstance(figure, Figure)
    return figure


def legend_names(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def said(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def view_of(folder: Path, *records: RunRecord) -> View:
    folder.mkdir(exist_ok=True)
    write_experiment(folder / "experiment.yaml", {})
    for record in records:
        write_record(folder, record)
    (only,) = views(Dataset.of(load_results(folder), "gain=5"))
    return only


def test_psnr_vs_time(view: View) -> None:
    figure = drawn(psnr_vs_time, view)
    (axes,) = figure.axes
    assert legend_names(figure) == [*factories.METHODS, "observed"]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("training time (s)", "validation PSNR (dB)")
    lines = {line.get_label(): line for line in axes.lines}
    np.testing.assert_allclose(lines["jfb"].get_xdata(), np.arange(1.0, 11.0))
    # The seeds are at 34 - 9 exp(-step / 20) and 35 - 10 exp(-step / 20), steps 10 to 100.
    assert lines["jfb"].get_ydata()[0] == pytest.approx(34.5 - 9.5 * np.exp(-0.5))
    assert lines["jfb"].get_ydata()[-1] == pytest.approx(34.5 - 9.5 * np.exp(-5))
    assert list(lines["tv"].get_ydata()) == [33.5, 33.5]
    assert list(lines["observed"].get_ydata()) == [25.0, 25.0]
    assert said(figure).endswith("mean of 2 seeds (unrolling: 1), band: ±1 std; ×: failed run")


def test_the_band_is_one_standard_deviation(view: View) -> None:
    (axes,) = drawn(psnr_vs_time, view).axes
    outline = axes.collections[0].get_paths()[0].vertices
    at_end = outline[np.isclose(outline[:, 0], 10.0), 1]
    gap = (1 - np.exp(-5)) / np.sqrt(2)
    assert at_end.max() - at_end.min() == pytest.approx(2 * gap)


def test_a_result_below_the_observed_image_is_in_view(tmp_path: Path) -> None:
    worse = RunRecord(factories.run_row("tv", validation_psnr=12.0))
    (axes,) = drawn(psnr_vs_time, view_of(tmp_path, factories.run_record("jfb"), worse)).axes
    assert axes.get_ylim()[0] < 12.0


def test_the_failed_run_ends_in_a_cross(view: View) -> None:
    (axes,) = drawn(psnr_vs_time, view).axes
    (cross,) = [line for line in axes.lines if line.get_marker() == "x"]
    assert list(cross.get_xdata()) == [20.0]
    assert to_hex(cross.get_color()) == view.styles["unrolling"].color.lower()


def test_a_method_without_a_completed_run_is_said(tmp_path: Path) -> None:
    failed = RunRecord(factories.run_row("ift", status="error", psnr=None))
    figure = drawn(psnr_vs_time, view_of(tmp_path, factories.run_record("jfb"), failed))
    assert legend_names(figure) == ["jfb", "ift: failed", "observed"]


@pytest.mark.parametrize(("slowest", "scale"), [(3.0, "linear"), (300.0, "log")])
def test_time_axis_is_logarithmic_when_times_are_far_apart(
    tmp_path: Path, slowest: float, scale: str
) -> None:
    slow = factories.run_record("ift")
    for point in slow.curve:
        point["train_seconds"] = float(str(point["train_seconds"])) / 30 * slowest
    (axes,) = drawn(psnr_vs_time, view_of(tmp_path, factories.run_record("dncnn"), slow)).axes
    assert axes.get_xscale() == scale
    assert axes.get_xlim()[1] >= slowest


def test_time_to_accuracy(view: View) -> None:
    figure = drawn(time_to_accuracy, view)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == TRAINED
    assert axes.get_xlabel() == "training time to 30.0 dB (s)"
    row = [line for line in axes.lines if round(float(line.get_ydata()[0])) == 0]
    assert [time for line in row for time in line.get_xdata()] == [2.0, 2.0]  # jfb, a mark per seed
    assert {to_hex(line.get_color()) for line in row} == {view.styles["jfb"].color.lower()}
    assert "target gain=5: 2 seeds, one mark each" in said(figure)


def test_censored_runs_are_open_with_an_arrow(view: View) -> None:
    (axes,) = drawn(time_to_accuracy, view).axes
    opened = [line for line in axes.lines if line.get_markerfacecolor() == "white"]
    assert [line.get_xdata()[0] for line in opened] == [5.0, 5.0]  # dncnn's whole training
    assert len(axes.texts) == 2
    assert {arrow.xy[0] for arrow in axes.texts} == {5.0}
    reached = drawn(time_to_accuracy, replace(view, runs=view.runs[view.runs["method"] == "jfb"]))
    assert "arrow" not in said(reached)


def test_nothing_to_time_draws_nothing(tmp_path: Path) -> None:
    view = view_of(tmp_path, RunRecord(factories.run_row("tv")))
    assert time_to_accuracy.draw(view) is None
    assert gallery.draw(view) is None


def test_peak_memory(view: View) -> None:
    figure = drawn(peak_memory, view)
    (axes,) = figure.axes
    assert [label.get_text() for label in axes.get_yticklabels()] == list(factories.METHODS)
    assert axes.get_xlabel() == "peak memory (MiB; live tensors)"
    widths = [bar.get_width() for bar in axes.patches]
    assert widths == [20.0, 24.0, 36.0, 160.0, 30.0, 10.0, 10.0]
    colors = [to_hex(bar.get_facecolor()) for bar in axes.patches]
    assert colors == [view.styles[name].color.lower() for name in factories.METHODS]
    assert [text.get_text() for text in axes.texts][3] == "160"


def test_peak_memory_names_what_failed(tmp_path: Path) -> None:
    failed = factories.failed_record("unrolling", 0)
    (axes,) = drawn(peak_memory, view_of(tmp_path, factories.run_record("jfb"), failed)).axes
    assert [text.get_text() for text in axes.texts] == ["20.0", "out of memory"]
    assert len(axes.patches) == 1


def test_quality_vs_cost(view: View) -> None:
    figure = drawn(quality_vs_cost, view)
    (axes,) = figure.axes
    assert legend_names(figure) == list(factories.METHODS)
    first = axes.containers[0].lines[0]
    assert (list(first.get_xdata()), list(first.get_ydata())) == ([4.0], [34.5])
    assert axes.get_xscale() == "log"
    bars = "95 % interval of PSNR, ±1 std of time"
    assert said(figure).endswith(f"mean of 2 seeds (unrolling: 1); bars: {bars}")
    images = [[row["psnr"] for row in factories.images("jfb", seed)] for seed in range(2)]
    expected = crossed_interval(np.array(images, np.float64))
    (_, bar) = axes.containers[0].lines[2]
    assert list(bar.get_segments()[0][:, 1]) == pytest.approx([expected.low, expected.high])
    # The bars of two seeds are 20 dB long: the marks would lie on each other.
    assert axes.get_ylim()[1] - axes.get_ylim()[0] < 2.3 * (35.5 - 29.0)


def test_difference_from_the_reference(view: View) -> None:
    figure = drawn(difference, view)
    (axes,) = figure.axes
    others = [name for name in factories.METHODS if name != "jfb"]
    assert [text.get_text() for text in axes.get_yticklabels()] == others
    assert axes.get_xlabel() == "difference in test PSNR from jfb (dB)"
    marks = {line.get_color(): line for line in axes.lines if line.get_marker() != "None"}
    mark = marks[view.styles["ift"].color]
    assert list(mark.get_xdata()) == pytest.approx([1.0])
    images = {
        name: np.array([[row["psnr"] for row in factories.images(name, s)] for s in range(2)])
        for name in ("ift", "jfb")
    }
    expected = crossed_interval(images["ift"] - images["jfb"])
    bar = axes.collections[0].get_segments()[0]
    assert list(bar[:, 0]) == pytest.approx([expected.low, expected.high])
    texts = [text.get_text() for text in axes.texts]
    assert texts[0] == "better, 2/2"
    assert texts[others.index("dncnn")] == "worse, 0/2"
    assert texts[others.index("unrolling")] == "too few seeds, 1/1"
    assert len(axes.collections) == len(others)  # that of unrolling is empty
    assert said(figure).endswith("mean of 1 to 2 seeds, bar: 95 % interval over seeds and images")


def test_no_difference_without_a_reference_or_another_method(tmp_path: Path) -> None:
    assert difference.draw(view_of(tmp_path / "a", factories.run_record("jfb"))) is None
    lone = view_of(tmp_path / "b", *(factories.run_record(name) for name in ("ift", "tv")))
    assert difference.draw(lone) is None  # jfb is not there


@pytest.mark.parametrize("module", FIGURES)
def test_figures_fit_a_column_and_leave_the_caller_alone(module: object, view: View) -> None:
    before = dict(matplotlib.rcParams)
    figure = drawn(module, view)
    assert dict(matplotlib.rcParams) == before
    if module not in (gallery, gallery_crops):
        width = PAGE_WIDTH if module in (metrics, noise) else COLUMN_WIDTH
        assert figure.get_figwidth() == width
        figure.draw_without_rendering()
        bounds = figure.get_tightbbox()
        assert bounds.x0 >= -0.01
        assert bounds.x1 <= width + 0.01


@pytest.mark.usefixtures("sketches")
def test_one_file_per_problem_and_size_with_safe_names(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    for number, problem in enumerate(("../a", "..\\a", "$x_{")):
        row = factories.run_row("tv", problem=problem, run_id=f"run-{number}")
        write_record(tmp_path, RunRecord(row, samples=factories.samples(33.0)))
    out = tmp_path / "figures"
    out.mkdir()
    stems = [
        figure.stem
        for figure in draw_figures(views(Dataset.of(load_results(tmp_path), "gain=5")), out, [])
    ]
    assert len(stems) == len(set(stems)) == 5 * 3
    assert {file.stem for file in out.iterdir()} == set(stems)
    assert all(set(stem) <= set("abcdefghijklmnopqrstuvwxyz_-0123456789") for stem in stems)


def test_gradient_methods_are_enlarged_with_those_that_come_as_far(view: View) -> None:
    (axes,) = drawn(psnr_vs_time_gradient, view).axes
    shown = {line.get_label() for line in axes.lines if not line.get_label().startswith("_")}
    gradient = view.runs[view.runs["family"] == "gradient"]
    assert set(gradient["legend"]) <= shown
    curves = view.curves[view.curves["run_id"].isin(gradient["run_id"])]
    assert axes.get_ylim()[0] == pytest.approx(curves["psnr"].min(), abs=2)
    assert "observed" not in shown


def test_gradient_methods_alone_need_no_enlargement(tmp_path: Path) -> None:
    assert psnr_vs_time_gradient.draw(view_of(tmp_path, factories.run_record("jfb"))) is None


def test_gradient_vs_quality(view: View) -> None:
    figure = gradient_vs_quality.draw([view])
    assert figure is not None
    (axes,) = figure.axes
    marks = {line.get_color(): line for line in axes.lines}
    x, y = marks[view.styles["jfb"].color].get_data()
    assert (x[0], y[0]) == pytest.approx((np.degrees(np.arccos(0.8)), -1.0))
    x, y = marks[view.styles["ift"].color].get_data()
    assert (x[0], y[0]) == pytest.approx((0.0, 0.0), abs=1e-5)
    assert legend_names(figure) == ["jfb", "ift", "phantom", "unrolling"]
    assert "1 combination of problem and layer, mean of 1 to 2 seeds" in said(figure)
    assert axes.get_xlim()[1] > np.degrees(np.arccos(0.8))
    assert "the smaller angle ended higher in 100 % [100, 100] of the pairs" in said(figure)


def test_gradient_vs_quality_needs_the_exact_method(tmp_path: Path) -> None:
    alone = view_of(tmp_path, *(factories.run_record(name) for name in ("jfb", "phantom")))
    assert gradient_vs_quality.draw([alone]) is None
