"""Average ranks over workloads, and whether their differences could be chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.stats.aggregate import Array

ALPHA = 0.05


@dataclass(frozen=True)
class Ranking:
    """Average ranks (1 is best) over blocks, Friedman's test and Nemenyi's critical difference.

    `groups` are the largest sets of neighbours, best first, that do not differ significantly.
    """

    average_ranks: dict[str, float]
    blocks: int
    p_value: float
    critical_difference: float
    groups: tuple[tuple[str, ...], ...]


def ranking(scores: Mapping[str, Array]) -> Ranking:
    """Rank methods within each block, (blocks,) per method: the highest score first, NaN last.

    Demšar 2006, Statistical comparisons of classifiers over multiple data sets. A block is a
    workload, or a workload and seed; the test is justified only by independent blocks.
    """
    methods = list(scores)
    table = np.stack([np.asarray(scores[method], dtype=np.float64) for method in methods], axis=1)
    ranks = block_ranks(table)
    averages = dict(zip(methods, map(float, ranks.mean(axis=0)), strict=True))
    difference = critical_difference(len(methods), len(ranks))
    p_value, sets = friedman_p_value(ranks), groups(averages, difference)
    return Ranking(averages, len(ranks), p_value, difference, sets)


def block_ranks(table: Array) -> Array:
    """Return ranks within each block, (blocks, methods): 1 is highest, ties share their average."""
    ranks: Array = stats.rankdata(np.where(np.isnan(table), np.inf, -table), axis=1)
    return ranks


def friedman_p_value(ranks: Array) -> float:
    """Return the chance of ranks as unlike as these, (blocks, methods), if no method differed.

    NaN with fewer than three methods or two blocks, or where all methods tie in every block.
    """
    blocks, methods = ranks.shape
    if methods < 3 or blocks < 2 or (ranks == ranks[:, :1]).all():
        return math.nan
    return float(stats.friedmanchisquare(*ranks.T).pvalue)


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
