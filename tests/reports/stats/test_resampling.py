"""Intervals: by hand, by their properties, and by how often they cover the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from reports.stats.aggregate import Aggregate, interquartile_mean, mean, median
from reports.stats.resampling import (
    Interval,
    bootstrap_intervals,
    expanded_tail,
    resampled,
    student_interval,
    uniform_draws,
)

NAN = math.nan


def bootstrap_interval(scores: np.ndarray, *arguments: Aggregate, **options: int) -> Interval:
    """The interval of one method; (pairs,) is (pairs, 1)."""
    scores = scores[:, None] if scores.ndim == 1 else scores
    return bootstrap_intervals({"": scores}, *arguments, **options)[""]


def test_students_interval_of_pairs_by_hand() -> None:
    # Mean 2, deviation 1, three pairs: 2 ± 4.3027 · 1/√3.
    found = student_interval(np.array([1.0, 2.0, 3.0]))
    assert found.estimate == 2.0
    assert found.high - 2.0 == pytest.approx(4.302653 / math.sqrt(3), rel=1e-6)
    assert 2.0 - found.low == pytest.approx(found.high - 2.0)


def test_students_interval_of_cells_by_hand() -> None:
    # Cell means 2 and 10, variances of the means 1/3 and 4/3: √(5/3) / 2 for their mean.
    # Degrees of freedom (5/3)² / ((1/9 + 16/9) / 2) = 50/17.
    scores = np.array([[1.0, 8.0], [2.0, 10.0], [3.0, 12.0]])
    found = student_interval(scores)
    assert found.estimate == 6.0
    margin = stats.t.ppf(0.975, 50 / 17) * math.sqrt(5 / 3) / 2
    assert found.high - 6.0 == pytest.approx(margin)


def test_students_interval_leaves_out_cells_without_a_value() -> None:
    whole = np.array([[1.0], [2.0], [3.0]])
    holed = np.hstack([whole, np.full((3, 1), NAN)])
    assert student_interval(holed) == student_interval(whole)
    assert math.isnan(student_interval(np.full((3, 2), NAN)).estimate)
    assert student_interval(np.array([0.5, 0.5])) == Interval(0.5, 0.5, 0.5)


@pytest.mark.parametrize("interval", [bootstrap_interval, student_interval])
@pytest.mark.parametrize(
    "scores", [np.array([3.0]), np.array([[3.0, 3.0]]), np.array([[3.0, 2.0], [3.0, NAN]])]
)
def test_one_seed_in_a_cell_has_no_interval(interval: object, scores: np.ndarray) -> None:
    found = interval(scores)  # type: ignore[operator]
    assert math.isfinite(found.estimate)
    assert not found.known
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_bootstrap_interval_by_hand() -> None:
    # Of 0 and 1 a resample's mean is 0, 1/2 or 1, at 1/4, 1/2, 1/4: both ends are reached.
    assert bootstrap_interval(np.array([0.0, 1.0])) == Interval(0.0, 0.5, 1.0)
    # Two such workloads: the ends have 1/16 each, and every tail in use is smaller than that.
    assert bootstrap_interval(np.array([[0.0, 0.0], [1.0, 1.0]])) == Interval(0.0, 0.5, 1.0)


def test_expanded_tail_by_hand() -> None:
    # Three seeds, eight workloads: 16 degrees of freedom, t = 2.1199, Φ(-√1.5 · 2.1199).
    expected = stats.norm.cdf(-math.sqrt(1.5) * 2.119905)
    assert expanded_tail(np.zeros((3, 8))) == pytest.approx(expected, rel=1e-5)
    assert expanded_tail(np.zeros((1000, 50))) == pytest.approx(0.025, rel=0.01)


def test_seeds_are_the_same_for_all_methods() -> None:
    scores = np.random.default_rng(0).normal(size=(4, 3))
    found = bootstrap_intervals({"one": scores, "two": scores + 5.0}, interquartile_mean)
    one, two = found["one"], found["two"]
    assert two.low - one.low == pytest.approx(5.0)
    assert two.high - one.high == pytest.approx(5.0)


def test_seeds_are_resampled_within_their_cell() -> None:
    # Cells far apart and seeds alike: nothing varies unless a resample mixed the workloads.
    scores = np.tile([0.0, 100.0, 1000.0], (3, 1))
    found = bootstrap_interval(scores)
    assert found.low == found.high == pytest.approx(1100 / 3)


def test_a_missing_seed_stays_missing_and_no_cell_is_lost() -> None:
    scores = np.array([[NAN, 10.0], [1.0, 20.0], [2.0, 30.0]])
    drawn = resampled(scores, uniform_draws((3, 2), 200))
    assert (np.isfinite(drawn).sum(axis=1) == [2, 3]).all()
    assert set(np.unique(drawn[:, :, 0][~np.isnan(drawn[:, :, 0])])) == {1.0, 2.0}
    assert set(np.unique(drawn[:, :, 1])) == {10.0, 20.0, 30.0}


@pytest.mark.parametrize("aggregate", [mean, median, interquartile_mean])
@settings(max_examples=30, deadline=None)
@given(
    scores=arrays(np.float64, (3, 4), elements=st.floats(-50, 50, width=32)),
    shift=st.floats(-5, 5, width=16),
)
def test_bounds_hold_the_estimate_and_move_with_a_constant(
    aggregate: Aggregate, scores: np.ndarray, shift: float
) -> None:
    found = bootstrap_interval(scores, aggregate, resamples=200)
    moved = bootstrap_interval(scores + shift, aggregate, resamples=200)
    assert found.low <= found.high
    assert scores.min() - 1e-9 <= found.low
    assert found.high <= scores.max() + 1e-9
    assert moved.low == pytest.approx(found.low + shift, abs=1e-6)
    assert moved.high == pytest.approx(found.high + shift, abs=1e-6)


@settings(max_examples=30, deadline=None)
@given(
    scores=arrays(np.float64, (3, 2), elements=st.floats(-50, 50, width=32)),
    order=st.permutations(range(3)),
)
def test_the_order_of_seeds_is_nothing(scores: np.ndarray, order: list[int]) -> None:
    found, other = student_interval(scores), student_interval(scores[order])
    assert other.low == pytest.approx(found.low, abs=1e-6)
    assert other.high == pytest.approx(found.high, abs=1e-6)
    shuffled = bootstrap_interval(scores[order], resamples=100)
    assert shuffled.estimate == pytest.approx(bootstrap_interval(scores, resamples=100).estimate)


def test_they_cover_the_truth_as_often_as_they_say() -> None:
    # 300 experiments of 3 seeds by 8 workloads: 95 % ± 1.3 %. The plain percentiles cover 84 %.
    draws = np.random.default_rng(7).normal(size=(300, 3, 8))
    student = [student_interval(each) for each in draws]
    bootstrap = [bootstrap_interval(each, resamples=600) for each in draws]
    for intervals in (student, bootstrap):
        covered = np.mean([each.low <= 0 <= each.high for each in intervals])
        assert 0.91 <= covered <= 0.99


def test_ratios_are_intervals_of_logarithms() -> None:
    found = student_interval(np.log([2.0, 2.0])).map(math.exp)
    assert found.estimate == pytest.approx(2.0)
    assert math.isnan(Interval(NAN, 0.0, NAN).map(math.exp).low)


def test_scores_of_unlike_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="not all of one shape"):
        bootstrap_intervals({"one": np.zeros((2, 3)), "two": np.zeros((3, 3))})
    with pytest.raises(ValueError, match="not all of one shape"):
        bootstrap_intervals({"one": np.zeros(3)})
