"""Which times, and which qualities, cannot be told apart from the best of their workload."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from reports.data.circumstances import comparable_pairs
from reports.data.differences import TOO_FEW, difference
from reports.stats import verdicts
from reports.stats.aggregate import Array
from reports.stats.intervals import LEVEL, Interval, mean_interval
from reports.stats.noise import Noise, combined, of_group, of_methods, of_pairs, ratio_interval

BEST, UNKNOWN = "best", "unknown"


def verdicts_on_times(
    averages: Sequence[float], groups: Sequence[pd.DataFrame], column: str, noise: Noise
) -> list[str]:
    """Return the verdict on each method of a workload against the one with the least average.

    averages: seconds, one of each method; groups: its runs, with their times in `column`; noise:
    that of two executions of equal work. BEST; worse: slower by more than chance, so that all
    verdicts hold together in 95 % of the cases; inconclusive; UNKNOWN where nothing is known of the
    noise; "" for a method without a time. Times are paired by seed, on machines of one fingerprint.
    """
    at = _index_of_least(averages)
    if at is None:
        return [""] * len(groups)
    others = [n for n, value in enumerate(averages) if n != at and math.isfinite(value)]
    logs = _log_ratios({n: groups[n] for n in others}, groups[at], column)
    shared = combined(of_methods(_common_times([groups[n] for n in (at, *others)], column)), noise)
    found, level = {at: BEST}, verdicts.together(_pairs(len(others) + 1))
    for n in others:
        own = of_group(of_pairs(logs[n]), shared, shared)
        interval, together = (ratio_interval(logs[n], own, each) for each in (LEVEL, level))
        verdict = verdicts.opposite(verdicts.verdict(interval, together, 0.0))
        certain = verdict if verdict == verdicts.WORSE else verdicts.INCONCLUSIVE
        found[n] = certain if interval.known else UNKNOWN
    return [found.get(n, "") for n in range(len(groups))]


def verdicts_on_quality(tables: Mapping[int, Array], averages: Sequence[float]) -> list[str]:
    """Return the same of qualities, of which more is better, paired by seed and test image.

    tables: the quality of each method, (seeds, images), of the same seeds, NaN where it has none.
    """
    at = _index_of_least([-value for value in averages])
    if at is None:
        return [""] * len(averages)
    others = [n for n in tables if n != at and math.isfinite(averages[n])]
    found = {at: BEST}
    for n in others:
        alike = tables[n].shape == tables[at].shape
        pairs = tables[n] - tables[at] if alike else np.empty((0, 0))
        verdict = difference(pairs, len(others)).verdict
        certain = verdict if verdict == verdicts.WORSE else verdicts.INCONCLUSIVE
        found[n] = UNKNOWN if verdict == TOO_FEW else certain
    return [found.get(n, "") for n in range(len(averages))]


def ratio_of_times(runs: pd.DataFrame, base: pd.DataFrame, column: str) -> Interval:
    """Return the logarithm of the times of one method over those of another, paired by seed.

    Seeds differ by more than two executions of equal work, so that the noise floor adds nothing.
    """
    return mean_interval(_log_ratios({0: runs}, base, column)[0])


def _pairs(methods: int) -> int:
    """The best is not known beforehand: the verdicts hold together for every pair of methods."""
    return methods * (methods - 1) // 2


def _index_of_least(values: Sequence[float]) -> int | None:
    known = [n for n, value in enumerate(values) if math.isfinite(value)]
    return min(known, key=lambda n: values[n], default=None)


def _log_ratios(
    groups: Mapping[int, pd.DataFrame], best: pd.DataFrame, column: str
) -> dict[int, Array]:
    """Return the logs of each method's times over those of the best, of pairs that have both."""
    if not groups:
        return {}
    columns = ["seed", "fingerprint", column]
    runs = pd.concat([each[columns] for each in groups.values()])
    group = np.repeat(list(groups), [len(each) for each in groups.values()])
    # Of all methods at once: a merge takes a millisecond, however few the runs.
    both = comparable_pairs(runs.assign(group=group), best[columns], "_best")
    values = both[[column, f"{column}_best"]].to_numpy(np.float64)
    known = (np.isfinite(values) & (values > 0)).all(axis=1)
    logs: Array = np.log(values[known, 0] / values[known, 1])
    group = both["group"].to_numpy()[known]
    return {n: logs[group == n] for n in groups}


def _common_times(groups: Sequence[pd.DataFrame], column: str) -> Array:
    """Return the logs of the times of seeds that all methods have, (methods, seeds)."""
    each_seed = [each.drop_duplicates("seed").set_index("seed")[column] for each in groups]
    table = pd.concat(each_seed, axis=1)
    values = table.to_numpy(np.float64).T
    values = values[:, (np.isfinite(values) & (values > 0)).all(axis=0)]
    logs: Array = np.log(values)
    return logs
