"""Targets: levels of the validation images, as each form says."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from bench.errors import UserError
from bench.records import Results
from reports.data.circumstances import notes_on_images
from reports.data.targets import named_target, resolve_target


def test_targets(results: Results) -> None:
    runs = results.runs
    assert set(resolve_target(runs, "psnr=31.5")) == {31.5}
    assert set(resolve_target(runs, "gain=5")) == {30.0}
    # tv reaches 33 and 34 dB for its two seeds.
    levels = resolve_target(runs, "tv+0.5")
    assert levels["motion-32-degrad-jfb-s0"] == 33.5
    assert levels["motion-32-degrad-jfb-s1"] == 34.5
    assert set(resolve_target(runs, "tv-1")) == set(resolve_target(runs, "tv+-1")) == {32.0, 33.0}
    # The best mean is 35.5 dB, of ift: a gain of 10.5 over the 25 observed.
    assert set(resolve_target(runs, "best-0.5")) == {35.0}
    assert set(resolve_target(runs, "fraction=0.8")) == {25 + 0.8 * 10.5}


def test_a_seed_without_a_tv_run_takes_the_mean_of_the_others(results: Results) -> None:
    without = results.runs[results.runs["run_id"] != "motion-32-none-tv-s1"]
    assert resolve_target(without, "tv+0")["motion-32-degrad-jfb-s1"] == 33.0


def test_a_run_without_observed_psnr_takes_the_mean_of_its_problem(results: Results) -> None:
    runs = results.runs.assign(validation_psnr_observed=[math.nan, 20.0] + [26.0] * 12)
    expected = (20.0 + 12 * 26.0) / 13 + 5
    assert resolve_target(runs, "gain=5").iloc[0] == pytest.approx(expected)
    assert resolve_target(runs, "gain=5").iloc[1] == 25.0


FORMS = ("gain=5", "tv+0.5", "best-0.5", "fraction=0.8")


@pytest.mark.parametrize("target", FORMS)
def test_targets_see_the_validation_images_alone(results: Results, target: str) -> None:
    levels = resolve_target(results.runs, target)
    tested = results.runs.assign(psnr=99.0, psnr_observed=1.0)
    pd.testing.assert_series_equal(resolve_target(tested, target), levels)
    names = ["validation_psnr", "validation_psnr_observed"]
    judged = results.runs.assign(**{name: results.runs[name] + 1 for name in names})
    pd.testing.assert_series_equal(resolve_target(judged, target), levels + 1)


@pytest.mark.parametrize("target", FORMS)
def test_older_records_have_targets_of_their_test_images(results: Results, target: str) -> None:
    older = results.runs.assign(validation_psnr=math.nan, validation_psnr_observed=math.nan)
    expected = resolve_target(results.runs, target)
    pd.testing.assert_series_equal(resolve_target(older, target), expected)
    assert notes_on_images(results.runs) == []
    (note,) = notes_on_images(older)
    assert note.startswith("13 runs of an older version had no validation images")


def test_a_run_that_failed_is_not_the_best(results: Results) -> None:
    failed = results.runs["status"] != "completed"
    left = results.runs.assign(validation_psnr=results.runs["validation_psnr"].mask(failed, 99.0))
    assert set(resolve_target(left, "best-0.5")) == {35.0}


UNKNOWN = ["", "30", "psnr=", "gain=high", "tv", "jfb+1", "psnr=1e400", "best+1", "tv0"]


@pytest.mark.parametrize("target", UNKNOWN)
def test_an_unknown_target_is_refused(results: Results, target: str) -> None:
    with pytest.raises(UserError, match="not psnr=30"):
        resolve_target(results.runs, target)


def test_tv_target_without_a_tv_run_is_refused(results: Results) -> None:
    without = results.runs[results.runs["method"] != "tv"]
    with pytest.raises(UserError, match="no completed tv run of motion at size 32"):
        resolve_target(without, "tv+0.5")
    failed = results.runs.assign(status="error")
    with pytest.raises(UserError, match="no completed tv run"):
        resolve_target(failed, "tv+0.5")


def test_best_target_is_below_the_best_mean_of_the_place() -> None:
    runs = pd.DataFrame(
        {
            "run_id": ["a", "b", "c", "d"],
            "problem": ["motion"] * 4,
            "size": [32] * 4,
            "layer": [""] * 4,
            "method": ["one", "one", "two", "two"],
            "method_params": ["{}"] * 4,
            "validation_psnr": [30.0, 32.0, 33.0, 27.0],  # means 31 and 30
            "psnr": [math.nan] * 4,
            "status": ["completed"] * 4,
            "validation_psnr_observed": [20.0] * 4,
        }
    )
    assert set(resolve_target(runs, "best-0.5")) == {30.5}
    assert named_target(runs, "auto") == "best-0.5"


def test_auto_target_is_tv_only_where_every_place_has_a_tv_run() -> None:
    runs = pd.DataFrame(
        {
            "problem": ["motion", "motion", "gaussian"],
            "size": [32, 32, 32],
            "method": ["tv", "jfb", "tv"],
            "status": ["completed", "completed", "error"],
        }
    )
    assert named_target(runs.iloc[:2], "auto") == "tv+0"
    assert named_target(runs, "auto") == "best-0.5"
    assert named_target(runs, "gain=5") == "gain=5"
