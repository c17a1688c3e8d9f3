"""The figures of gradient measurements, asked what they show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from matplotlib.colors import to_hex
from matplotlib.figure import Figure

from bench.records import Results, load_results, write_experiment
from reports.data.gradients import gradient_data
from reports.figures import gradient_cost, gradient_error, gradient_memory, gradient_tolerance
from reports.figures.draw import draw_gradient_figures
from reports.figures.layout import SINGLE, laid_out
from reports.figures.style import COLUMN_WIDTH, PAGE_WIDTH
from reports.figures.view import GradientView, gradient_views
from tests.support import gradient_rows

MODULES = (gradient_error, gradient_tolerance, gradient_memory, gradient_cost)


@pytest.fixture(scope="session")
def study(tmp_path_factory: pytest.TempPathFactory) -> Results:
    return load_results(gradient_rows.write_study(tmp_path_factory.mktemp("study")))


@pytest.fixture(scope="session")
def whole(study: Results) -> GradientView:
    (only,) = gradient_views(gradient_data(study))
    return only


@pytest.fixture(scope="session")
def view(whole: GradientView) -> GradientView:
    return whole.at(32)


def view_of(folder: Path, *rows: dict[str, object]) -> GradientView:
    (only,) = gradient_views(gradient_data(load_results(gradient_rows.write_study(folder, rows))))
    return only


def drawn(module: Any, view: GradientView) -> Figure:
    figure = module.draw(view)
    assert isinstance(figure, Figure)
    figure.draw_without_rendering()
    return figure


def points(axes: Axes, view: GradientView, method: str) -> np.ndarray[Any, Any]:
    """The points (n, 2) of a method's line."""
    color = view.styles[method].color.lower()
    (line,) = [
        each.lines[0] for each in axes.containers if to_hex(each.lines[0].get_color()) == color
    ]
    return np.asarray(line.get_xydata())


def legend_names(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def said(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_error_against_backward_time(view: GradientView) -> None:
    figure = drawn(gradient_error, view)
    assert [axes.get_title(loc="left") for axes in figure.axes] == [
        "initial weights",
        "trained weights",
    ]
    assert legend_names(figure) == ["jfb", "ift", "phantom", "unrolling"]
    # Budgets 1, 5 and 20: errors 1, 1/5, 1/20; the median of two seeds adds half a millisecond.
    expected = [(1.024 * n + 0.5, 1 / n) for n in (1, 5, 20)]
    for axes in figure.axes:
        np.testing.assert_allclose(points(axes, view, "ift"), expected)
    assert [text.get_text() for text in figure.axes[0].texts] == ["20", "10", "50"]
    assert said(figure) == (
        "motion, 32×32 px, degrad layer; forward tolerance 1e-4; "
        "median of 2 seeds, bars: smallest to largest"
    )


def test_bars_go_from_the_least_to_the_largest_seed(tmp_path: Path) -> None:
    rows = [gradient_rows.row(seed=n, relative_error=error) for n, error in ((0, 0.5), (1, 0.9))]
    axes = drawn(gradient_error, view_of(tmp_path, *rows)).axes[0]
    (bars,) = axes.containers[0].lines[2]
    np.testing.assert_allclose(bars.get_segments()[0][:, 1], [0.5, 0.9])


def test_cosine_against_tolerance_shows_each_method_as_it_is_by_default(view: GradientView) -> None:
    axes = drawn(gradient_tolerance, view).axes[0]
    line = points(axes, view, "ift")  # 20 products: error 1/20 until the tolerance is larger
    np.testing.assert_allclose(line[:, 0], sorted(gradient_rows.TOLERANCES))
    np.testing.assert_allclose(1 - line[:, 1], [0.975] * 4 + [0.95])
    assert axes.xaxis_inverted()
    assert axes.yaxis_inverted()
    (across,) = [each for each in axes.lines if list(each.get_xdata()) == [0, 1]]
    assert across.get_ydata()[0] == pytest.approx(0.5 / 20)  # unrolling: 20 steps, no tolerance


def test_the_axis_of_cosines_is_labelled_with_cosines(view: GradientView) -> None:
    axes = drawn(gradient_tolerance, view).axes[0]
    labels = {label.get_text() for label in axes.get_yticklabels()}
    assert "0.9" in labels
    assert not any("$" in label for label in labels)


def test_a_cosine_of_exactly_one_and_of_minus_one_are_drawn(tmp_path: Path) -> None:
    rows = [gradient_rows.row(tolerance=t, cosine=c) for t, c in ((1e-1, -1.0), (1e-5, 1.0))]
    view = view_of(tmp_path, *rows)
    axes = drawn(gradient_tolerance, view).axes[0]
    high, low = axes.get_ylim()
    assert low < gradient_tolerance.NEAREST
    assert high > 2
    assert len(points(axes, view, "jfb")) == 2


def test_memory_is_flat_over_tolerances_and_linear_in_steps(view: GradientView) -> None:
    axes = drawn(gradient_memory, view).axes[0]
    assert set(points(axes, view, "ift")[:, 1]) == {2.0}
    assert len(points(axes, view, "ift")) == len(gradient_rows.TOLERANCES)
    np.testing.assert_allclose(points(axes, view, "unrolling"), [(n, n) for n in (5, 20, 50)])


def test_cost_against_size(whole: GradientView) -> None:
    figure = drawn(gradient_cost, whole)
    forward, backward = figure.axes
    np.testing.assert_allclose(points(forward, whole, "jfb")[:, 0], [16, 32])
    np.testing.assert_allclose(points(backward, whole, "phantom")[:, 1], [1.78e-3, 5.62e-3])
    assert [text.get_text() for text in forward.get_xticklabels()] == ["16", "32"]
    assert said(figure).startswith("motion, 16 to 32 px, degrad layer, trained weights; forward")
    assert gradient_cost.draw(whole.at(16)) is None


def test_a_method_that_failed_is_named_with_its_reason(tmp_path: Path) -> None:
    lost = {"status": "out_of_memory", "cosine": None, "relative_error": None}
    lost |= dict.fromkeys(("forward_seconds", "backward_seconds", "peak_memory_bytes"))
    rows = [gradient_rows.row(tolerance=t, size=s) for t in (1e-3, 1e-4) for s in (16, 32)]
    rows += [gradient_rows.row("ift", 20, tolerance=t, size=16, **lost) for t in (1e-3, 1e-4)]  # type: ignore[arg-type]
    view = view_of(tmp_path, *rows)
    for module in MODULES:
        part = view if module is gradient_cost else view.at(16)
        assert legend_names(drawn(module, part)) == ["jfb", "ift: out of memory"]


def test_only_failed_measurements_draw_nothing(tmp_path: Path) -> None:
    view = view_of(tmp_path, gradient_rows.row(status="error", cosine=None, relative_error=None))
    assert all(module.draw(view) is None for module in MODULES)


def test_an_error_of_zero_or_nan_breaks_nothing(tmp_path: Path) -> None:
    rows = [
        gradient_rows.row(relative_error=0.0, cosine=1.0, backward_seconds=0.0),
        gradient_rows.row("ift", 20, relative_error=None, cosine=None),
        gradient_rows.row("phantom", 5),
    ]
    figure = drawn(gradient_error, view_of(tmp_path, *rows))
    assert len(figure.axes[0].containers) == 1


def test_many_methods_keep_to_the_page_and_their_own_looks(tmp_path: Path) -> None:
    names = ["jfb", "neumann", "shine", *(f"plugin_{n}" for n in range(5))]
    names += ["torchdeq_jfb", "torchdeq_ift", "torchdeq_phantom", "deepinv_jfb", "deepinv_ift"]
    rows = [
        gradient_rows.row(name, tolerance=t, state=s)
        for name in names
        for t in (1e-2, 1e-4)
        for s in ("initial", "trained")
    ]
    view = view_of(tmp_path, *rows).at(32)
    assert len({view.styles[name] for name in names}) == len(names)
    for module in MODULES[:3]:
        figure = drawn(module, view)
        assert sorted(legend_names(figure)) == sorted(names)
        bounds = figure.get_tightbbox()
        assert bounds.x0 >= -0.01
        assert bounds.x1 <= PAGE_WIDTH + 0.01


def test_what_was_asked_for_in_brackets_is_all_shown(tmp_path: Path) -> None:
    folder = gradient_rows.write_study(
        tmp_path,
        [gradient_rows.row("phantom", n, tolerance=t) for n in (1, 3) for t in (0.1, 0.01)],
    )
    said = gradient_rows.experiment()
    said["gradients"]["budgets"]["phantom"]["default"] = ""  # type: ignore[index]
    write_experiment(folder / "experiment.yaml", said)
    (view,) = gradient_views(gradient_data(load_results(folder)))
    names = ["phantom[steps=1]", "phantom[steps=3]"]
    assert legend_names(drawn(gradient_tolerance, view)) == names
    assert legend_names(drawn(gradient_error, view)) == ["phantom"]  # one line over its budgets


def test_a_strange_experiment_does_no_harm(tmp_path: Path) -> None:
    folder = gradient_rows.write_study(tmp_path)
    for gradients in (None, 3, {"budgets": [1], "usual_tolerance": "x"}, {"budgets": {"ift": 1}}):
        write_experiment(folder / "experiment.yaml", {"gradients": gradients})
        (view,) = gradient_views(gradient_data(load_results(folder)))
        assert view.tolerance == 1e-4
        assert gradient_error.draw(view.at(32)) is not None


@pytest.mark.parametrize("module", MODULES)
def test_panels_stand_below_each_other_in_a_column(module: Any, whole: GradientView) -> None:
    with laid_out(SINGLE):
        figure = drawn(module, whole if module is gradient_cost else whole.at(32))
    assert figure.get_figwidth() == COLUMN_WIDTH
    first, second = (axes.get_position() for axes in figure.axes)
    assert first.y0 > second.y1
    assert figure.axes[0].get_ylabel() == figure.axes[1].get_ylabel() != ""


def test_files_are_named_safely_and_apart(tmp_path: Path) -> None:
    rows = [gradient_rows.row(problem=name, layer="l/1") for name in ("../a", "..\\a")]
    folder = gradient_rows.write_study(tmp_path / "study", rows)
    out = tmp_path / "figures"
    out.mkdir()
    stems = [
        each.stem
        for each in draw_gradient_figures(
            gradient_views(gradient_data(load_results(folder))), out, []
        )
    ]
    assert len(set(stems)) == len(stems) == 2 * 2
    assert {file.stem for file in out.iterdir()} == set(stems)
