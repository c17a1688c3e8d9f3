"""Paired changes from A to B, per workload and method, with their intervals.

Intervals are Student's: two to five pairs of seeds are too few for a bootstrap. Ratios are compared
as logarithms, so that twice as fast weighs as much as twice as slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest

import numpy as np

from reports.comparison.matching import Pair
from reports.comparison.measures import MEASURES, Measure
from reports.stats.aggregate import Array
from reports.stats.resampling import Interval, student_interval

Group = tuple[object, ...]
ALL: Group = ()


@dataclass(frozen=True)
class Change:
    """From A to B: means of the paired values, and their difference or geometric mean ratio."""

    group: Group  # problem, size, noise_sigma, layer, method; () is all of them
    measure: Measure
    pairs: int
    a: float
    b: float
    change: Interval
    within_noise: bool


def changes(pairs: Sequence[Pair], floor: float, *, times: bool) -> list[Change]:
    """Return the change of each measure of each group that has it, then of all groups together.

    `floor` is the relative noise of a time (NaN: unknown), that of a mean of n pairs floor/√n.
    Without `times` no measure of time is compared.
    """
    of_group: dict[Group, list[Pair]] = {}
    for pair in pairs:
        if pair.completed:
            of_group.setdefault(pair.group, []).append(pair)
    found = []
    for measure in MEASURES:
        if times or not measure.is_time:
            values = {group: paired_values(measure, each) for group, each in of_group.items()}
            values = {group: each for group, each in values.items() if len(each)}
            found += [_change(group, measure, [each], floor) for group, each in values.items()]
            found += [_change(ALL, measure, list(values.values()), floor)] if values else []
    return found


def paired_values(measure: Measure, pairs: Sequence[Pair]) -> Array:
    """Return the values in A and B, (pairs, 2), of the pairs in which both are known."""
    values = [
        (measure.of_run(pair.a), measure.of_run(pair.b))
        for pair in pairs
        if pair.a[measure.like] == pair.b[measure.like]
    ]
    array = np.array(values, dtype=np.float64).reshape(-1, 2)
    known = np.isfinite(array).all(axis=1)
    if measure.is_ratio:
        known &= (array > 0).all(axis=1)
    return array[known]


def _change(group: Group, measure: Measure, values: list[Array], floor: float) -> Change:
    together = np.concatenate(values)
    scale: Callable[[Array], Array] = np.log if measure.is_ratio else np.asarray
    differences = [scale(each[:, 1]) - scale(each[:, 0]) for each in values]
    table = np.array(list(zip_longest(*differences, fillvalue=math.nan)))  # (pairs, groups)
    interval = student_interval(table)
    noise = math.log1p(floor / math.sqrt(len(together))) if measure.is_time else math.nan
    return Change(
        group=group,
        measure=measure,
        pairs=len(together),
        a=float(together[:, 0].mean()),
        b=float(together[:, 1].mean()),
        change=interval.map(_exp) if measure.is_ratio else interval,
        within_noise=abs(interval.estimate) <= noise,
    )


def _exp(value: float) -> float:
    """The exponential of a mean logarithm; beyond 1e304 it is not worth an OverflowError."""
    return math.exp(min(value, 700.0))
