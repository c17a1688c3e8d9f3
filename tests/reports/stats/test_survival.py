"""Censored times: by hand, and the estimate for many samples against scipy's for one."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reports.stats.survival import kaplan_meier, restricted_mean

INFINITY, NAN = math.inf, math.nan
# At 2 one of five gets there; one is followed to 3; at 4 two of three; one is followed to 9.
REACHED = np.array([2.0, INFINITY, 4.0, 4.0, INFINITY])
FOLLOWED = np.array([9.0, 3.0, 9.0, 9.0, 9.0])
TIMES = arrays(np.float64, 6, elements=st.integers(1, 8).map(float))
CENSORED = arrays(np.bool_, 6)


def area(times: np.ndarray, survival: np.ndarray, horizon: float) -> float:
    """Integrate the step function by summing its rectangles."""
    edges = [0.0, *(min(time, horizon) for time in times), horizon]
    return float(sum(np.diff(edges) * [1.0, *survival]))


def test_by_hand() -> None:
    times, survival = kaplan_meier(REACHED, FOLLOWED)
    assert list(times) == [2.0, 3.0, 4.0, 9.0]
    assert list(survival) == pytest.approx([4 / 5, 4 / 5, 4 / 15, 4 / 15])
    # 2 · 1 + 2 · 4/5 + (8 - 4) · 4/15
    assert restricted_mean(REACHED, FOLLOWED, 8.0) == pytest.approx(2 + 1.6 + 16 / 15)
    assert restricted_mean(REACHED, FOLLOWED, 3.0) == pytest.approx(2 + 0.8)


def test_all_censored() -> None:
    never, followed = np.full(3, INFINITY), np.array([5.0, 5.0, 7.0])
    assert list(kaplan_meier(never, followed)[1]) == [1.0, 1.0]
    assert restricted_mean(never, followed, 5.0) == 5.0


def test_one_seed_and_none() -> None:
    assert restricted_mean(np.array([3.0]), np.array([NAN]), 5.0) == 3.0
    assert math.isnan(restricted_mean(np.array([NAN]), np.array([8.0]), 8.0))


@settings(max_examples=40, deadline=None)
@given(times=TIMES, censored=CENSORED, horizon=st.floats(0.5, 10), order=st.permutations(range(6)))
def test_the_fast_integral_is_that_of_the_curve(
    times: np.ndarray, censored: np.ndarray, horizon: float, order: list[int]
) -> None:
    reached = np.where(censored, INFINITY, times)
    expected = area(*kaplan_meier(reached, times), horizon)
    assert restricted_mean(reached, times, horizon) == pytest.approx(expected)
    assert restricted_mean(reached[order], times[order], horizon) == pytest.approx(expected)
    assert expected <= horizon + 1e-9


@settings(max_examples=30, deadline=None)
@given(times=TIMES, censored=CENSORED, delay=st.floats(0, 5))
def test_a_delay_of_all_delays_the_mean(
    times: np.ndarray, censored: np.ndarray, delay: float
) -> None:
    reached = np.where(censored, INFINITY, times)
    before = restricted_mean(reached, times, 8.0)
    assert restricted_mean(reached + delay, times + delay, 8.0 + delay) == pytest.approx(
        before + delay
    )


def test_a_censored_run_needs_a_time() -> None:
    with pytest.raises(ValueError, match="no finite time"):
        kaplan_meier(np.array([INFINITY]), np.array([NAN]))
    with pytest.raises(ValueError, match="no run"):
        kaplan_meier(np.array([NAN]), np.array([8.0]))
