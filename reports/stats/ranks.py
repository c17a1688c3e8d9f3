"""Average ranks over workloads, and whether their differences could be chance."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.stats.aggregate import Array

ALPHA = 0.05
DRAWS = 400_000  # 9! orders of nine methods are counted


@dataclass(frozen=True)
class Ranking:
    """Average ranks (1 is best) over blocks, Friedman's test and Nemenyi's critical difference.

    `groups` are the largest sets of neighbours, best first, that do not differ significantly. With
    so few blocks that no difference could be significant, critical_difference is NaN and there are
    no groups.
    """

    average_ranks: dict[str, float]
    blocks: int
    p_value: PValue
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]


@dataclass(frozen=True)
class PValue:
    """A p value; is_bound: it is at most this, NaN: there is none."""

    value: float
    is_bound: bool = False


def ranking(scores: Mapping[str, Array]) -> Ranking:
    """Rank methods within each block, (blocks,) per method: the highest score first, NaN last.

    Demšar 2006, Statistical comparisons of classifiers over multiple data sets. A block is a
    workload, or a workload and seed; the test is justified only by independent blocks. NaN is a
    run that failed; a block that a method was not run on has to be left out before.
    """
    methods = list(scores)
    table = np.stack([np.asarray(scores[method], dtype=np.float64) for method in methods], axis=1)
    ranks = block_ranks(table)
    averages = dict(zip(methods, map(float, ranks.mean(axis=0)), strict=True))
    difference = critical_difference(len(methods), len(ranks))
    if difference > len(methods) - 1:  # than between a method that always wins and one that loses
        return Ranking(averages, len(ranks), friedman_p_value(ranks), math.nan, ())
    sets = groups(averages, difference)
    return Ranking(averages, len(ranks), friedman_p_value(ranks), difference, sets)


def block_ranks(table: Array) -> Array:
    """Return ranks within each block, (blocks, methods): 1 is highest, ties share their average."""
    ranks: Array = stats.rankdata(np.where(np.isnan(table), np.inf, -table), axis=1)
    return ranks


def friedman_p_value(ranks: Array) -> PValue:
    """Return the chance of ranks as unlike as these, (blocks, methods), if no method differed.

    The statistic is the sum of the squared sums of ranks, its distribution that of all orders of
    the ranks within each block: exact where they can be counted, else from random orders, of which
    at least one in DRAWS is as unlike as the ranks themselves. The usual χ² approximation of few
    blocks is far off. NaN with fewer than three methods or two blocks, or where all tie.
    """
    blocks, methods = ranks.shape
    if methods < 3 or blocks < 2 or (ranks == ranks[:, :1]).all():
        return PValue(math.nan)
    # Orders relative to the first block are all that counts.
    exact = math.factorial(methods) ** (blocks - 1) <= DRAWS
    spread = _all_spreads(ranks) if exact else _random_spreads(ranks)
    unlike = int((spread >= _spread(ranks.sum(axis=0)) - 1e-9).sum())
    if exact:
        return PValue(unlike / len(spread))
    return PValue((unlike + 1) / (len(spread) + 1), is_bound=unlike == 0)


def _spread(sums: Array) -> Array:
    total: Array = (sums**2).sum(axis=-1)
    return total


def _all_spreads(ranks: Array) -> Array:
    """Return the statistic for every order of the ranks within all blocks but the first."""
    sums = ranks[:1]
    for block in ranks[1:]:
        orders = np.array(list(itertools.permutations(block)))
        sums = (sums[:, None, :] + orders[None, :, :]).reshape(-1, len(block))
    return _spread(sums)


def _random_spreads(ranks: Array) -> Array:
    """Return the statistic for DRAWS random orders of the ranks within each block."""
    random = np.random.default_rng(0)
    sums = np.zeros((DRAWS, ranks.shape[1]))
    for block in ranks:
        sums += random.permuted(np.broadcast_to(block, sums.shape), axis=1)
    return _spread(sums)


def critical_difference(methods: int, blocks: int) -> float:
    """Return the difference of average ranks from which two methods differ significantly.

    CD = q √(k(k + 1) / (6 N)), q the studentised range of k methods and infinite degrees of
    freedom over √2 (Nemenyi 1963; Demšar 2006, table 5). NaN with fewer than two methods.
    """
    if methods < 2 or blocks < 1:
        return math.nan
    quantile = float(stats.studentized_range.ppf(1 - ALPHA, methods, np.inf)) / math.sqrt(2)
    return quantile * math.sqrt(methods * (methods + 1) / (6 * blocks))


def groups(average_ranks: Mapping[str, float], difference: float) -> tuple[tuple[str, ...], ...]:
    """Return the largest sets of methods, best first, whose ranks are within the difference.

    A set of one is no group: it differs from every other method.
    """
    order = sorted(average_ranks, key=lambda method: average_ranks[method])
    found: list[tuple[str, ...]] = []
    reached = 0
    for first, method in enumerate(order):
        limit = average_ranks[method] + difference
        last = first + sum(average_ranks[other] < limit for other in order[first:])
        if last - first > 1 and last > reached:
            found.append(tuple(order[first:last]))
            reached = last
    return tuple(found)
