"""Disturbed runs: found by their calibrations, marked in tables and figures."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from bench.records import Results
from reports.data.dataset import Dataset
from reports.data.disturbance import disturbed
from reports.data.noise import NoiseFloor
from reports.figures import drift
from reports.figures.view import views
from reports.tables.summary import summary_table
from reports.tables.training import training_table

FLOOR = {"kind": "quick estimate", "pairs": 3, "device": "cpu", "num_threads": 1}


def runs(before: list[float], after: list[float], **others: object) -> pd.DataFrame:
    table = pd.DataFrame({"calibration_before": before, "calibration_after": after})
    usual = {"fingerprint": "f", "device": "cpu", "num_threads": 1.0}
    return table.assign(**{**usual, **others})


def found(table: pd.DataFrame, **stated: object) -> list[bool]:
    return list(disturbed(table, NoiseFloor.read({"noise_floor": {**FLOOR, **stated}})))


def test_a_run_is_disturbed_where_a_calibration_is_unlike_the_median() -> None:
    table = runs([1.0, 1.0, 1.0, 1.0, 1.4], [1.0, 1.05, 1.12, 0.8, 1.4])
    assert found(table, relative=0.1) == [False, False, True, True, True]
    # Where nothing is known of the floor, the limit is 0.25 of the logarithm.
    assert found(table) == [False, False, False, False, True]
    assert found(table.assign(num_threads=8.0), relative=0.1) == [False] * 4 + [True]


def test_before_and_after_are_compared_with_each_other() -> None:
    table = runs([1.0, 1.0, 1.0, 1.08], [1.0, 1.0, 1.0, 0.94])
    assert found(table, relative=0.1) == [False, False, False, True]


def test_the_larger_of_the_floors_counts() -> None:
    table = runs([1.0, 1.0, 1.0], [1.0, 1.0, 1.15])
    assert found(table, relative=0.1) == [False, False, True]
    assert found(table, relative=0.1, measures={"calibration": 0.2}) == [False] * 3
    assert found(table, relative=0.2, measures={"calibration": 0.1}) == [False] * 3


def test_each_machine_has_a_median_of_its_own() -> None:
    table = runs([1.0, 1.0, 2.0, 2.0], [1.0, 1.0, 2.0, 2.0], fingerprint=["a", "a", "b", "b"])
    assert found(table, relative=0.1) == [False] * 4


def test_a_run_without_calibrations_is_not_known_to_be_disturbed() -> None:
    nothing = [math.nan, math.nan]
    assert found(runs(nothing, nothing), relative=0.1) == [False, False]
    assert found(runs([1.0, 1.0, 3.0], [1.0, 1.0, math.nan]), relative=0.1)[2]
    assert found(runs([0.0, -1.0], [0.0, 1.0]), relative=0.1) == [False, False]


@pytest.fixture(scope="module")
def dataset(results: Results) -> Dataset:
    own = results.runs["run_id"] == "motion-32-degrad-ift-s0"
    after = results.runs["calibration_after"].mask(own, 0.02)
    return Dataset.of(replace(results, runs=results.runs.assign(calibration_after=after)), "gain=5")


def test_tables_mark_the_times_of_a_disturbed_run(dataset: Dataset) -> None:
    assert list(dataset.runs.loc[dataset.runs["disturbed"], "method"]) == ["ift"]
    for table in (summary_table(dataset), training_table(dataset)):
        shown = table.cells.set_index("method")
        assert shown.loc["ift", "training time (s)"] == "30.0 †"
        assert shown.loc["jfb", "training time (s)"] == "10.0"
        assert any(note.startswith("† disturbed: 1 of 14 runs") for note in table.notes)


def test_figures_of_time_say_it_and_drift_shows_it(dataset: Dataset) -> None:
    (view,) = views(dataset)
    assert view.timing_note == "; 1 disturbed run"
    figure = drift.draw([view])
    assert figure is not None
    (axes,) = figure.axes
    (mark,) = [
        each
        for each in axes.lines
        if each.get_markerfacecolor() == "white" and len(each.get_xdata())
    ]
    assert len(mark.get_xdata()) == 1
    assert "open: 1 disturbed" in " ".join(figure.get_suptitle().split())
