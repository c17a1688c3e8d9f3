"""Aggregates against values worked out by hand, and against scipy."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from scipy import stats

from reports.stats.aggregate import Aggregate, interquartile_mean, mean, median

SCORES = arrays(
    np.float64, array_shapes(min_dims=2, max_dims=2, max_side=5), elements=st.floats(-50, 50)
)
AGGREGATES = pytest.mark.parametrize("aggregate", [mean, median, interquartile_mean])


def test_by_hand() -> None:
    # 1 2 3 4 5 6 7 80: the middle half is 3 4 5 6.
    scores = np.array([[80.0, 2.0, 5.0, 4.0], [3.0, 6.0, 7.0, 1.0]])
    assert mean(scores) == 108 / 8
    assert median(scores) == 4.5
    assert interquartile_mean(scores) == 4.5
    # Of five values a quarter is one (rounded down): 2 3 4 remain.
    assert interquartile_mean(np.array([[1.0, 2.0, 3.0, 4.0, 90.0]])) == 3.0


@pytest.mark.parametrize("missing", [math.nan, math.inf, -math.inf])
def test_what_is_not_finite_is_missing(missing: float) -> None:
    scores = np.array([[1.0, missing], [3.0, 8.0]])
    assert mean(scores) == 4.0
    assert median(scores) == 3.0
    nothing = np.full((2, 2), missing)
    assert all(math.isnan(each(nothing)) for each in (mean, median, interquartile_mean))


@AGGREGATES
@settings(max_examples=30, deadline=None)
@given(scores=SCORES, shift=st.floats(-5, 5), order=st.randoms(use_true_random=False))
def test_order_is_nothing_and_a_constant_is_added(
    aggregate: Aggregate, scores: np.ndarray, shift: float, order: object
) -> None:
    rows = list(range(len(scores)))
    order.shuffle(rows)  # type: ignore[attr-defined]
    value = aggregate(scores)
    assert aggregate(scores[rows]) == pytest.approx(value, abs=1e-9)
    assert aggregate(scores + shift) == pytest.approx(value + shift, abs=1e-9)


@settings(max_examples=30, deadline=None)
@given(scores=SCORES)
def test_as_scipy_has_it_and_for_many_at_once(scores: np.ndarray) -> None:
    expected = stats.trim_mean(scores.ravel(), 0.25)
    assert interquartile_mean(scores) == pytest.approx(expected, abs=1e-9)
    many = np.stack([scores, 2 * scores])
    assert interquartile_mean(many) == pytest.approx([expected, 2 * expected], abs=1e-9)
    assert median(many) == pytest.approx([np.median(scores), 2 * np.median(scores)], abs=1e-9)
