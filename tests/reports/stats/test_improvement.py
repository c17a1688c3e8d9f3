"""The probability of improvement by hand, and against Mann-Whitney's U."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from reports.stats.improvement import probability_of_improvement

SEEDS = arrays(np.float64, (4, 2), elements=st.integers(0, 5).map(float))


def test_by_hand() -> None:
    # First workload: of (1, 4) against (2, 4) one pair is won, (4, 2), and one tied, (4, 4): 1.5/4.
    # Second: all won. Mean 0.6875.
    x = np.array([[1.0, 9.0], [4.0, 8.0]])
    y = np.array([[2.0, 1.0], [4.0, 2.0]])
    assert probability_of_improvement(x, y).estimate == pytest.approx((1.5 / 4 + 1) / 2)


def test_an_interval_by_hand() -> None:
    # A resample of 0 and 2 beats 1 never, half the time or always, at 1/4, 1/2 and 1/4; the tail
    # of two seeds is far smaller than that.
    found = probability_of_improvement(np.array([[0.0], [2.0]]), np.ones((2, 1)))
    assert (found.low, found.estimate, found.high) == (0.0, 0.5, 1.0)


@settings(max_examples=40, deadline=None)
@given(x=SEEDS, y=SEEDS, order=st.permutations(range(4)))
def test_it_is_u_and_its_reverse_completes_it(
    x: np.ndarray, y: np.ndarray, order: list[int]
) -> None:
    found = probability_of_improvement(x, y, resamples=50)
    expected = stats.mannwhitneyu(x, y, axis=0).statistic.mean() / 16
    assert found.estimate == pytest.approx(expected)
    assert probability_of_improvement(x[order], y, resamples=1).estimate == found.estimate
    reverse = probability_of_improvement(y, x, resamples=50)
    assert reverse.estimate == pytest.approx(1 - found.estimate)
    assert 0 <= found.low <= found.high <= 1


def test_ties_are_even_and_never_reached_ties_with_itself() -> None:
    same = np.full((3, 2), 4.0)
    found = probability_of_improvement(same, same)
    assert (found.low, found.estimate, found.high) == (0.5, 0.5, 0.5)
    never = np.full((3, 2), -math.inf)
    assert probability_of_improvement(never, never).estimate == 0.5
    assert probability_of_improvement(same, never).estimate == 1.0


def test_one_seed_has_no_interval_and_a_missing_cell_is_left_out() -> None:
    alone = probability_of_improvement(np.array([[2.0]]), np.array([[1.0]]))
    assert alone.estimate == 1.0
    assert not alone.known
    x = np.array([[1.0, math.nan], [2.0, math.nan]])
    y = np.array([[0.0, 5.0], [0.0, 5.0]])
    assert probability_of_improvement(x, y).estimate == 1.0
    assert math.isnan(probability_of_improvement(x[:, 1:], y[:, 1:]).estimate)


def test_unlike_shapes_are_refused() -> None:
    with pytest.raises(ValueError, match="not of one shape"):
        probability_of_improvement(np.zeros((2, 3)), np.zeros((2, 2)))
