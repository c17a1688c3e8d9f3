"""Statistics against values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.records import Results
from reports.data.dataset import Dataset
from reports.data.spread import mean_curve, spread
from reports.data.times import TimeBracket, followed, median_bracket, training_times, undisturbed
from reports.stats.survival import restricted_mean

INFINITY = math.inf


def time_of(psnr: list[float], target: float) -> TimeBracket:
    """The time to a target of one run with evaluations at 0, 10, 20, ... seconds."""
    curve = pd.DataFrame({"train_seconds": [10.0 * at for at in range(len(psnr))], "psnr": psnr})
    curve = curve.assign(run_id="one", forward_evaluations=0.0, vjps=0.0)
    run = pd.DataFrame({"run_id": ["one"], "family": ["gradient"], "status": ["completed"]})
    (found,) = training_times(run, curve, np.array([target])).to_dict("records")
    return TimeBracket(found["below"], found["reached"])


def times_of(results: Results, target: str) -> pd.DataFrame:
    """The runs with a time to the target, by run_id."""
    return Dataset.of(results, target).trained.set_index("run_id")


@pytest.mark.parametrize(
    ("psnr", "expected"),
    [
        ([25, 28, 31, 33], TimeBracket(10, 20)),  # between two points
        ([25, 30, 31], TimeBracket(0, 10)),  # exactly at the target counts as reached
        ([30, 31], TimeBracket(0, 0)),  # reached before training
        ([25, 31, 29, 32], TimeBracket(20, 30)),  # kept from the last crossing on
        ([31, 29, 32, 33], TimeBracket(10, 20)),
        ([25, 31, 32, 29], TimeBracket(30, INFINITY)),  # reached, and not kept
        ([25, 28, 29], TimeBracket(20, INFINITY)),  # never: censored at the last point
        ([25, math.nan, 31], TimeBracket(10, 20)),  # an undefined PSNR is not reaching
        ([31, math.nan, 32], TimeBracket(10, 20)),
        ([], TimeBracket(0, INFINITY)),
    ],
)
def test_time_to_the_target_of_a_curve(psnr: list[float], expected: TimeBracket) -> None:
    assert time_of(psnr, 30.0) == expected


def test_the_first_crossing_and_the_counts_where_the_target_is_kept() -> None:
    psnr = [25.0, 31.0, 29.0, 32.0, 25.0, 31.0, 29.0]
    curve = pd.DataFrame({"train_seconds": range(7), "psnr": psnr, "run_id": list("aaaabbb")})
    curve = curve.assign(forward_evaluations=10.0 * curve.index, vjps=1.0 * curve.index)
    runs = pd.DataFrame({"run_id": ["a", "b"], "family": "gradient", "status": "completed"})
    found = training_times(runs, curve, np.array([30.0, 30.0])).set_index("run_id")
    assert list(found["first_reached"]) == [1, 5]
    assert list(found["reached"]) == [3, INFINITY]
    assert list(found["below"]) == [2, 6]
    assert list(found["evaluations_to_target"]) == [30, INFINITY]
    assert list(found["vjps_to_target"]) == [3, INFINITY]


def test_a_track_counts_from_the_budget_that_all_larger_ones_keep(results: Results) -> None:
    run_id = results.runs["run_id"].iloc[0]
    track = pd.DataFrame({"iterations": [1, 2, 4, 8], "seconds_per_image": [0.1, 0.2, 0.4, 0.8]})
    track = track.assign(run_id=run_id, psnr=[31.0, 29.0, 30.0, 33.0])
    runs = Dataset.of(replace(results, reconstructions=track), "psnr=30").runs
    (found,) = runs[runs["image_target"].notna()].to_dict("records")
    assert (found["image_below"], found["image_reached"]) == (0.2, 0.4)
    assert found["image_iterations"] == 4
    assert found["image_first_reached"] == 0.1


@given(st.lists(st.floats(20, 40), min_size=1, max_size=8), st.floats(20, 39), st.floats(0, 5))
def test_a_higher_target_is_never_reached_earlier(
    psnr: list[float], target: float, more: float
) -> None:
    lower, higher = (time_of(psnr, each) for each in (target, target + more))
    assert lower.below <= lower.reached <= higher.reached
    assert lower.below <= higher.below


def test_spread_is_the_sample_standard_deviation() -> None:
    given_values = spread([1.0, 2.0, 6.0, math.nan, INFINITY])
    assert given_values.mean == 3.0
    assert given_values.std == pytest.approx(math.sqrt((4 + 1 + 9) / 2))
    assert math.isnan(spread([1.0]).std)
    assert math.isnan(spread([]).mean)


def test_median_of_brackets() -> None:
    reached = [TimeBracket(1, 2), TimeBracket(3, 4), TimeBracket(9, 10)]
    assert median_bracket(reached) == TimeBracket(3, 4)
    # One of three censored: the median seed is still known.
    assert median_bracket([*reached[:2], TimeBracket(20, INFINITY)]) == TimeBracket(3, 4)
    # Of two, one at 3 and one beyond 12: the median is only known to exceed 7.5.
    assert median_bracket([TimeBracket(2, 3), TimeBracket(12, INFINITY)]) == TimeBracket(
        7.5, INFINITY
    )
    assert math.isnan(median_bracket([]).reached)


def test_times_of_trained_runs_only(results: Results) -> None:
    times = times_of(results, "gain=5")
    assert not any("tv" in run_id or "pnp" in run_id for run_id in times.index)
    # jfb ends at 34 dB: 34 - 9 exp(-step / 20) is 28.5 at step 10 and 30.7 at step 20 (2 s).
    jfb = times.loc["motion-32-degrad-jfb-s0"]
    assert (jfb["below"], jfb["reached"]) == (1.0, 2.0)
    assert (jfb["evaluations_to_target"], jfb["vjps_to_target"]) == (200.0, 20.0)
    # dncnn ends at 28.5 dB: censored at its last evaluation.
    dncnn = times.loc["motion-32-none-dncnn-s0"]
    assert (dncnn["below"], dncnn["reached"]) == (5.0, INFINITY)


def test_a_failed_run_is_censored_where_it_stopped(results: Results) -> None:
    times = times_of(results, "psnr=35")
    failed = times.loc["motion-32-degrad-unrolling-s1"]
    assert (failed["below"], failed["reached"]) == (20.0, INFINITY)


def test_a_trained_run_that_failed_at_once_still_counts(results: Results) -> None:
    bare = replace(results, curves=results.curves.iloc[:0])
    times = times_of(bare, "gain=5")
    assert len(times) == 10
    assert (times["below"] == 0).all()
    assert times["reached"].map(math.isinf).all()


def test_a_training_that_ended_is_not_there_later_and_one_cut_off_is_censored() -> None:
    statuses = ["completed", "error", "diverged", "timeout", "timeout"]
    runs = pd.DataFrame({"status": statuses, "below": [10.0, 2.0, 3.0, 4.0, 60.0]})
    assert list(followed(runs, 50.0)) == [50.0, 50.0, 50.0, 4.0, 50.0]


def test_a_seed_that_fails_early_does_not_make_the_others_speak_for_it() -> None:
    # Two of three are there at 30 s; the third failed at 2 s, and counts with the horizon of 60 s.
    runs = pd.DataFrame({"status": ["completed"] * 2 + ["error"], "below": [29.0, 29.0, 2.0]})
    reached = np.array([30.0, 30.0, INFINITY])
    assert restricted_mean(reached, followed(runs, 60.0), 60.0) == pytest.approx(40.0)
    # Censored at 2 s it would not: two at risk, both there at 30 s.
    assert restricted_mean(reached, runs["below"].to_numpy(), 60.0) == pytest.approx(30.0)


def test_fewer_iterations_take_no_longer() -> None:
    track = pd.DataFrame(
        {
            "iterations": [9, 1, 2, 4],
            "seconds_per_image": [4.0, 1.0, 5.0, 3.0],
            "psnr": [33.0, 20.0, 25.0, 30.0],
        }
    )
    other = track.assign(seconds_per_image=0.5, run_id="other")
    both = undisturbed(pd.concat([track.assign(run_id="this"), other], ignore_index=True))
    assert set(both.loc[both["run_id"] == "other", "seconds_per_image"]) == {0.5}
    ordered = both[both["run_id"] == "this"]
    assert list(ordered["iterations"]) == [1, 2, 4, 9]
    assert list(ordered["seconds_per_image"]) == [1.0, 3.0, 3.0, 4.0]
    assert list(ordered["psnr"]) == [20.0, 25.0, 30.0, 33.0]


@given(
    times=st.lists(st.floats(0.001, 10), min_size=1, max_size=8),
    psnrs=st.lists(st.floats(20, 40), min_size=8, max_size=8),
    target=st.floats(20, 40),
)
def test_the_bracket_of_a_reconstruction_never_ends_before_it_begins(
    results: Results, times: list[float], psnrs: list[float], target: float
) -> None:
    run_id = results.runs["run_id"].iloc[0]
    track = pd.DataFrame(
        {
            "run_id": run_id,
            "iterations": range(1, len(times) + 1),
            "seconds_per_image": times,
            "psnr": psnrs[: len(times)],
        }
    )
    found = Dataset.of(replace(results, reconstructions=track), f"psnr={target:.3f}").runs
    measured = found[found["image_target"].notna()]
    assert len(measured) == 1
    assert (measured["image_below"] <= measured["image_reached"]).all()


def test_relative_width_of_a_bracket() -> None:
    assert TimeBracket(9.5, 10.0).relative_width == pytest.approx(0.05)
    assert TimeBracket(0.0, 0.0).relative_width == 0  # there before training


def test_mean_curve() -> None:
    curves = pd.DataFrame(
        {
            "run_id": ["a", "a", "a", "b", "b"],
            "step": [0, 10, 20, 0, 10],
            "train_seconds": [0.0, 1.0, 2.0, 0.0, 3.0],
            "psnr": [20.0, 30.0, 40.0, 24.0, 32.0],
        }
    )
    mean = mean_curve(curves)
    assert list(mean["step"]) == [0, 10]  # not 20, which only one seed has
    assert list(mean["train_seconds"]) == [0.0, 2.0]
    assert list(mean["psnr"]) == [22.0, 31.0]
    assert list(mean["std"]) == pytest.approx([math.sqrt(8), math.sqrt(2)])
