"""Ranks by hand, the published critical values, and the groups that a figure joins."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from reports.stats.ranks import (
    DRAWS,
    PValue,
    block_ranks,
    critical_difference,
    friedman_p_value,
    groups,
    ranking,
)

NAN = math.nan
TABLE = arrays(np.float64, (5, 3), elements=st.integers(0, 4).map(float))


def test_ranks_by_hand() -> None:
    table = np.array([[30.0, 31.0, 29.0], [30.0, 30.0, 28.0], [NAN, 27.0, NAN]])
    assert block_ranks(table).tolist() == [[2, 1, 3], [1.5, 1.5, 3], [2.5, 1, 2.5]]


@pytest.mark.parametrize(
    ("methods", "q"), [(2, 1.960), (3, 2.343), (4, 2.569), (5, 2.728), (10, 3.164)]
)
def test_critical_differences_are_those_of_the_published_table(methods: int, q: float) -> None:
    # Demšar 2006, table 5 (a), α = 0.05
    expected = q * math.sqrt(methods * (methods + 1) / (6 * 12))
    assert critical_difference(methods, 12) == pytest.approx(expected, rel=5e-4)


def test_friedman_by_hand() -> None:
    # Of two blocks that rank nine methods alike: one order of the second out of 9!. The χ²
    # approximation gives 0.042.
    ranks = np.tile(np.arange(1.0, 10.0), (2, 1))
    assert friedman_p_value(ranks) == PValue(1 / math.factorial(9))
    # Three methods, four blocks alike: each order is as likely, and six of 6^4 agree in all.
    ranks = np.tile([1.0, 2.0, 3.0], (4, 1))
    assert friedman_p_value(ranks).value == pytest.approx(6 / 6**4)
    for untold in (np.full((4, 3), 2.0), ranks[:, :2], ranks[:1]):
        assert math.isnan(friedman_p_value(untold).value)


def test_friedman_of_many_blocks_agrees_with_the_approximation() -> None:
    random = np.random.default_rng(0)
    ranks = np.array([random.permutation(5) + 1.0 for _ in range(40)])
    expected = stats.friedmanchisquare(*ranks.T).pvalue
    assert friedman_p_value(ranks).value == pytest.approx(expected, abs=0.01)
    bound = friedman_p_value(np.tile(np.arange(1.0, 10.0), (5, 1)))
    assert bound.is_bound
    assert bound.value == 1 / (DRAWS + 1)


def test_no_difference_is_significant_with_too_few_blocks() -> None:
    # Nine methods and two blocks: 8.49 would be needed, and the largest difference is 8.
    assert critical_difference(9, 2) == pytest.approx(8.49, abs=0.01)
    found = ranking({str(at): np.full(2, float(at)) for at in range(9)})
    assert math.isnan(found.critical_difference)
    assert found.groups == ()


def test_groups_are_the_largest_sets_of_neighbours() -> None:
    ranks = {"d": 4.0, "a": 1.0, "b": 1.8, "c": 2.6}
    assert groups(ranks, 1.0) == (("a", "b"), ("b", "c"))
    assert groups(ranks, 2.0) == (("a", "b", "c"), ("c", "d"))
    assert groups(ranks, 0.5) == ()
    assert groups(ranks, 9.0) == (("a", "b", "c", "d"),)


def test_ranking_of_methods() -> None:
    scores = {"low": np.arange(12.0), "high": np.arange(12.0) + 9, "same": np.arange(12.0) + 9}
    found = ranking(scores)
    assert found.average_ranks == {"low": 3.0, "high": 1.5, "same": 1.5}
    assert found.blocks == 12
    assert found.p_value.value < 0.001
    assert found.groups == (("high", "same"),)


@settings(max_examples=40, deadline=None)
@given(table=TABLE, shift=st.integers(-3, 3), order=st.permutations(range(5)))
def test_ranks_sum_to_the_same_and_know_no_order_nor_constant(
    table: np.ndarray, shift: int, order: list[int]
) -> None:
    ranks = block_ranks(table)
    assert (ranks.sum(axis=1) == 6).all()
    assert (block_ranks(table + shift) == ranks).all()
    assert block_ranks(table[order]).mean(axis=0) == pytest.approx(ranks.mean(axis=0))
