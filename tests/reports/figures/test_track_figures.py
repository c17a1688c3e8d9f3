"""Survival, tracks, phases, memory, convergence, drift and scores, asked what they show."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

from bench.records import RunRecord, load_results, write_experiment, write_record
from bench.records.plan import plan_of
from reports.data.dataset import Dataset
from reports.figures import (
    convergence,
    drift,
    gallery,
    memory_law,
    performance_profile,
    phases,
    quality_vs_cost,
    ranks,
    reconstruction,
    survival,
)
from reports.figures.drift import relative_speeds
from reports.figures.view import View, views
from tests.support import records as factories

PLACES = [("motion", 32), ("motion", 64), ("gaussian", 32)]
OF_ONE = (survival, reconstruction, phases, memory_law, convergence)
POOLED = (performance_profile, ranks, drift)


@pytest.fixture(scope="module")
def pooled(tmp_path_factory: pytest.TempPathFactory) -> list[View]:
    folder = tmp_path_factory.mktemp("pooled")
    for problem, size in PLACES:
        factories.write_results(folder, problem=problem, size=size)
    return views(Dataset.of(load_results(folder), "gain=5"))


def drawn(module: object, shown: object) -> Figure:
    figure = module.draw(shown)  # type: ignore[attr-defined]
    assert isinstance(figure, Figure)
    return figure


def names(figure: Figure) -> list[str]:
    (legend,) = figure.legends
    return [text.get_text() for text in legend.get_texts()]


def said(figure: Figure) -> str:
    return " ".join(figure.get_suptitle().split())


def test_survival_rises_at_the_times_and_marks_the_censored(view: View) -> None:
    (axes,) = drawn(survival, view).axes
    jfb = next(line for line in axes.lines if line.get_color() == view.styles["jfb"].color)
    times, part = (np.asarray(values) for values in jfb.get_data())
    assert part[times == 0] == [0]
    assert part[times == 2.0] == [1]  # both seeds are there at 2 s
    ticks = [line for line in axes.lines if line.get_marker() == "|" and len(line.get_xdata())]
    (censored,) = ticks
    assert list(censored.get_xdata()) == [5.0, 5.0]  # dncnn, with both seeds
    assert list(censored.get_ydata()) == [0.0, 0.0]
    dncnn = next(line for line in axes.lines if line.get_color() == view.styles["dncnn"].color)
    assert dncnn.get_xdata()[-1] == axes.get_xlim()[1]  # it will not get there later


def test_survival_of_a_run_that_was_cut_off_ends_there(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    write_record(tmp_path, factories.run_record("jfb"))
    write_record(tmp_path, factories.failed_record("ift", 0, "timeout"))
    (view,) = views(Dataset.of(load_results(tmp_path), "psnr=33.9"))
    (axes,) = drawn(survival, view).axes
    ift = next(line for line in axes.lines if line.get_color() == view.styles["ift"].color)
    assert list(ift.get_xdata()) == [0.0, 12.0]  # 40 steps of 0.3 s
    assert list(ift.get_ydata()) == [0.0, 0.0]


def test_equal_step_curves_are_moved_apart(view: View) -> None:
    (axes,) = drawn(survival, view).axes
    steps = [line for line in axes.lines if line.get_drawstyle() == "steps-post"]
    starts = [line.get_transform().transform((0.0, 0.0))[1] for line in steps]
    assert len(set(starts)) == len(steps) == 5


def test_reconstruction_ends_at_the_final_psnr(view: View) -> None:
    figure = drawn(reconstruction, view)
    (axes,) = figure.axes
    by_name = dict(zip(names(figure), axes.lines, strict=True))
    assert set(by_name) == set(factories.METHODS)
    tv = by_name["tv"]
    assert list(tv.get_xdata()) == pytest.approx([0.02, 0.2, 2.0, 6.0])
    assert list(tv.get_ydata())[-1] == pytest.approx(33.5)
    assert len(by_name["dncnn"].get_xdata()) == 1


def test_phases_are_stacked_to_the_time_of_a_step(view: View) -> None:
    figure = drawn(phases, view)
    (axes,) = figure.axes
    ends = [patch.get_x() + patch.get_width() for patch in axes.patches]
    assert max(ends) == pytest.approx(500)  # unrolling: 0.5 s a step
    assert names(figure) == ["data", "forward", "backward", "optimiser"]
    assert next(label.get_text() for label in axes.get_yticklabels()) == "jfb"


def test_the_line_of_the_memory_law_goes_through_exact_points(view: View) -> None:
    (axes,) = drawn(memory_law, view).axes
    color = view.styles["unrolling"].color
    marks, line = (each for each in axes.lines if each.get_color() == color)
    assert list(marks.get_ydata()) == pytest.approx([55, 90, 160])
    assert line.get_ydata()[-1] == pytest.approx(160)
    assert line.get_ydata()[0] == pytest.approx(20)


def test_convergence_shows_forward_and_adjoint_residuals_and_the_tolerance(view: View) -> None:
    settings = {"forward": {"tolerance": 1e-4}, "method": {"parameters": {"tolerance": 1e-3}}}
    stated = {run_id: {"config": settings} for run_id in view.runs["run_id"]}
    plan = plan_of({"runs": stated}, None)
    results = replace(view.dataset.results, plan=plan)
    told = replace(view, dataset=replace(view.dataset, results=results))
    figure = drawn(convergence, told)
    (axes,) = figure.axes
    assert names(figure) == list(factories.GRADIENT_METHODS)
    levels = [list(line.get_ydata()) for line in axes.lines]
    assert [1e-4, 1e-4] in levels
    assert [1e-3, 1e-3] in levels  # of the adjoint solve
    assert any(set(level) == {1e-2} for level in levels)  # the adjoint solve of ift
    assert axes.get_yscale() == "log"


def test_drift_is_relative_to_the_mean_of_the_method_and_place() -> None:
    rows = [
        {**factories.run_row("jfb", seed), "legend": "jfb", "train_seconds": seconds}
        for seed, seconds in enumerate((9.0, 11.0))
    ]
    rows.append({**factories.run_row("ift"), "legend": "ift"})  # alone: nothing to compare with
    runs = relative_speeds(pd.DataFrame(rows))
    assert list(runs["legend"]) == ["jfb", "jfb"]
    assert list(runs["percent"]) == pytest.approx([-10, 10])
    assert list(runs["minutes"]) == [0, 5]


def test_drift_shows_the_noise_floor(pooled: list[View]) -> None:
    assert "noise floor of 8.2 %" in said(drawn(drift, pooled))


def test_drift_counts_the_runs_that_noise_does_not_explain(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", factories.EXPERIMENT)
    for seed, seconds in enumerate((9.6, 10.4, 10.0, 10.0)):  # off by 4 %: inside
        write_record(tmp_path, factories.run_record("jfb", seed, train_seconds=seconds))
    for seed, seconds in enumerate((27.0, 33.0)):  # by 10 %
        write_record(tmp_path, factories.run_record("ift", seed, train_seconds=seconds))
    text = said(drawn(drift, views(Dataset.of(load_results(tmp_path), "gain=5"))))
    assert "6 trained runs, 2 outside the band" in text


def test_profile_and_ranks_are_of_all_places(pooled: list[View]) -> None:
    profile = drawn(performance_profile, pooled)
    assert "jfb: 1.00" in names(profile)
    assert "dncnn: 0.00" in names(profile)
    assert said(profile).startswith("6 pairs of workload and seed")
    figure = drawn(ranks, pooled)
    assert said(figure).startswith("3 workloads, mean of 2 seeds, gain over observed")
    assert next(label.get_text() for label in figure.axes[0].get_yticklabels()) == "ift"


def test_psnr_at_an_unconverged_fixed_point_is_flagged(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    write_record(tmp_path, factories.run_record("jfb"))
    write_record(tmp_path, factories.run_record("ift", forward_converged_fraction=0.5))
    (view,) = views(Dataset.of(load_results(tmp_path), "gain=5"))
    for module in (quality_vs_cost, reconstruction, survival):
        figure = drawn(module, view)
        assert names(figure) == ["jfb", "ift !"]
        assert said(figure).endswith("!: unconverged fixed point")
        assert "std" not in said(figure)  # of one seed there is none
    titles = [axes.get_title() for axes in drawn(gallery, view).axes]
    assert "ift !" in titles
    assert "jfb" in titles


def test_ranks_flag_a_method_that_is_unconverged_somewhere(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    for size in (32, 64):
        write_record(tmp_path, factories.run_record("jfb", size=size))
        whole = 1.0 if size == 32 else 0.5
        record = factories.run_record("ift", size=size, forward_converged_fraction=whole)
        write_record(tmp_path, record)
    figure = drawn(ranks, views(Dataset.of(load_results(tmp_path), "gain=5")))
    labels = [label.get_text() for label in figure.axes[0].get_yticklabels()]
    assert labels == ["ift !", "jfb"]
    assert said(figure).endswith("!: unconverged fixed point")


def test_a_single_mark_has_room_around_it(tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    write_record(tmp_path, factories.run_record("dncnn"))
    (view,) = views(Dataset.of(load_results(tmp_path), "gain=5"))
    low, high = drawn(reconstruction, view).axes[0].get_ylim()
    assert low < 28.5 < high


def test_points_of_a_track_that_are_not_finite_are_left_out(view: View) -> None:
    def of_psnr(first: float, rest: float | None = None) -> View:
        """The tracks with the PSNR of their first point, or of all, replaced."""
        results = view.dataset.results
        tracks = results.reconstructions
        psnr = tracks["psnr"] if rest is None else rest
        least = tracks["iterations"] == tracks.groupby("run_id")["iterations"].transform("min")
        tracks = tracks.assign(psnr=psnr).assign(psnr=lambda each: each["psnr"].mask(least, first))
        results = replace(results, reconstructions=tracks)
        return replace(view, dataset=replace(view.dataset, results=results))

    usual, cut = (drawn(reconstruction, each) for each in (view, of_psnr(-math.inf)))
    whole, rest = (dict(zip(names(each), each.axes[0].lines, strict=True)) for each in (usual, cut))
    assert len(rest["tv"].get_xdata()) == 3  # of four
    assert list(rest["tv"].get_ydata()) == list(whole["tv"].get_ydata())[1:]
    assert "dncnn" not in rest  # whose only point it was
    assert reconstruction.draw(of_psnr(math.nan, math.inf)) is None


@pytest.mark.parametrize("module", [*OF_ONE, *POOLED])
def test_there_is_no_figure_where_nothing_was_measured(module: object, tmp_path: Path) -> None:
    write_experiment(tmp_path / "experiment.yaml", {})
    nothing = dict.fromkeys(("psnr", "train_seconds", "forward_seconds"))
    row = factories.run_row("jfb", status="error", **nothing)
    write_record(tmp_path, RunRecord(row))
    found = views(Dataset.of(load_results(tmp_path), "gain=5"))
    assert module.draw(found if module in POOLED else found[0]) is None  # type: ignore[attr-defined]


def test_nothing_is_divided_by_nothing(pooled: list[View]) -> None:
    odd = pooled[0].runs.assign(train_seconds=math.nan, legend="jfb")
    assert relative_speeds(odd).empty
