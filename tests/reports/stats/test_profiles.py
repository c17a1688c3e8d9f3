"""Profiles and the score under them, by hand and by numerical integration."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from reports.stats.profiles import (
    Ratios,
    benchmark_score,
    best_times,
    performance_profile,
    reference_ratios,
)

INFINITY, NAN = math.inf, math.nan
TIMES = {
    "fast": np.array([1.0, 2.0, INFINITY, 6.0]),
    "slow": np.array([2.0, 1.0, INFINITY, NAN]),
}
RATIOS = arrays(np.float64, 6, elements=st.one_of(st.floats(0.1, 8), st.just(INFINITY)))


def performance_ratios(times: Mapping[str, np.ndarray]) -> Ratios:
    return reference_ratios(times, best_times(times))


def test_ratios_by_hand() -> None:
    found = performance_ratios(TIMES)
    assert found.workloads_left_out == 1  # the third, which no method reached
    assert list(found.of_method["fast"]) == [1.0, 2.0, 1.0]
    assert list(found.of_method["slow"]) == [2.0, 1.0, INFINITY]


def test_profile_and_score_by_hand() -> None:
    ratios = performance_ratios(TIMES).of_method
    taus = np.array([1.0, 1.99, 2.0, 4.0])
    assert performance_profile(ratios["slow"], taus) == pytest.approx([1 / 3, 1 / 3, 2 / 3, 2 / 3])
    # (3/3 + 2/3 + 3/3) / 3 and (2/3 + 3/3 + 0) / 3
    assert benchmark_score(ratios["fast"]) == pytest.approx(8 / 9)
    assert benchmark_score(ratios["slow"]) == pytest.approx(5 / 9)


@settings(max_examples=40, deadline=None)
@given(ratios=RATIOS, order=st.permutations(range(6)))
def test_the_score_is_the_area_under_the_profile(ratios: np.ndarray, order: list[int]) -> None:
    # Midpoints of 30,000 pieces: each of the six steps of ρ costs at most a piece's area.
    edges = np.linspace(1, 4, 30_001)
    area = performance_profile(ratios, (edges[1:] + edges[:-1]) / 2).mean()
    score = benchmark_score(ratios)
    assert score == pytest.approx(area, abs=1e-4)
    assert 0 <= score <= 1
    assert benchmark_score(ratios[order]) == pytest.approx(score)


def test_a_method_that_joins_changes_relative_scores_and_not_absolute_ones() -> None:
    joined = {**TIMES, "new": np.array([0.5, 0.5, 9.0, 1.0])}
    assert performance_ratios(joined).workloads_left_out == 0
    relative = [performance_ratios(each).of_method["fast"] for each in (TIMES, joined)]
    assert benchmark_score(relative[1]) < benchmark_score(relative[0])
    for reference in ("slow", np.array([4.0, 4.0, 4.0, 4.0])):
        before, after = (reference_ratios(each, reference) for each in (TIMES, joined))
        assert list(before.of_method["fast"]) == list(after.of_method["fast"])
        assert before.workloads_left_out == after.workloads_left_out


def test_reference_ratios_by_hand() -> None:
    found = reference_ratios(TIMES, "slow")
    assert found.workloads_left_out == 2
    assert list(found.of_method["fast"]) == [0.5, 2.0]
    # 0.5 counts as 1: (3/3 + 2/3) / 2
    assert benchmark_score(found.of_method["fast"]) == pytest.approx(5 / 6)


def test_times_of_zero() -> None:
    found = performance_ratios({"a": np.array([0.0, 0.0]), "b": np.array([0.0, 3.0])})
    assert list(found.of_method["a"]) == [1.0, 1.0]
    assert list(found.of_method["b"]) == [1.0, INFINITY]
    with pytest.raises(ValueError, match="negative"):
        performance_ratios({"a": np.array([-1.0])})


def test_nobody_anywhere() -> None:
    found = performance_ratios({"a": np.full(2, INFINITY), "b": np.full(2, NAN)})
    assert found.workloads_left_out == 2
    assert math.isnan(benchmark_score(found.of_method["a"]))
    assert np.isnan(performance_profile(found.of_method["a"], np.array([1.0, 2.0]))).all()
