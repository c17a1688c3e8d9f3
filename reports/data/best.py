"""Which times, and which qualities, cannot be told apart from the best of their workload."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import pandas as pd

from reports.data.circumstances import comparable_pairs
from reports.data.differences import TOO_FEW, difference
from reports.stats import verdicts
from reports.stats.aggregate import Array
from reports.stats.intervals import Interval, mean_interval
from reports.stats.noise import Noise, combined, of_group, of_methods, of_pairs, ratio_interval

BEST, UNKNOWN = "best", "unknown"
Key = TypeVar("Key")


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
    level = verdicts.together(_pairs(len(others) + 1))
    found = {at: BEST}
    compared = _ratios({n: groups[n] for n in others}, groups[at], column, noise, level)
    for n, (interval, together) in compared.items():
        verdict = verdicts.opposite(verdicts.verdict(interval, together, 0.0))
        certain = verdict if verdict == verdicts.WORSE else verdicts.INCONCLUSIVE
        found[n] = certain if interval.known else UNKNOWN
    return [found.get(n, "") for n in range(len(groups))]


@dataclass(frozen=True)
class TimeRatio:
    """The log ratio of a method's time to another's: 95 % interval, verdict, and the noise in it.

    margin: of the interval at the level at which all verdicts hold together; UNKNOWN: no interval.
    """

    interval: Interval
    margin: float
    verdict: str


def times_against(
    groups: Mapping[Key, pd.DataFrame], base: pd.DataFrame, column: str, noise: Noise
) -> dict[Key, TimeRatio]:
    """Return how the times of each method compare with those of one, `base`, chosen beforehand.

    Pairs and noise as in `verdicts_on_times`; of times, less is better. The verdicts hold together
    for all groups.
    """
    found = {}
    level = verdicts.together(len(groups))
    for key, (interval, together) in _ratios(groups, base, column, noise, level).items():
        verdict = verdicts.opposite(verdicts.verdict(interval, together, 0.0))
        margin = (together.high - together.low) / 2
        found[key] = TimeRatio(interval, margin, verdict if interval.known else UNKNOWN)
    return found


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
    return mean_interval(_log_ratios({"": runs}, base, column)[""])


def _pairs(methods: int) -> int:
    """The best is not known beforehand: the verdicts hold together for every pair of methods."""
    return methods * (methods - 1) // 2


def _index_of_least(values: Sequence[float]) -> int | None:
    known = [n for n, value in enumerate(values) if math.isfinite(value)]
    return min(known, key=lambda n: values[n], default=None)


def _ratios(
    groups: Mapping[Key, pd.DataFrame],
    base: pd.DataFrame,
    column: str,
    noise: Noise,
    level: float,
) -> dict[Key, tuple[Interval, Interval]]:
    """Return the log ratio of each method to the base, at 95 % and at a higher `level`."""
    logs = _log_ratios(groups, base, column)
    shared = combined(of_methods(_common_times([base, *groups.values()], column)), noise)
    own = {key: of_group(of_pairs(each), shared, shared) for key, each in logs.items()}
    return {
        key: (ratio_interval(each, own[key]), ratio_interval(each, own[key], level))
        for key, each in logs.items()
    }


def _log_ratios(
    groups: Mapping[Key, pd.DataFrame], best: pd.DataFrame, column: str
) -> dict[Key, Array]:
    """Return the logs of each method's times over those of the best, of pairs that have both."""
    if not groups:
        return {}
    columns = ["seed", "fingerprint", column]
    runs = pd.concat([each[columns] for each in groups.values()])
    group = np.repeat(np.arange(len(groups)), [len(each) for each in groups.values()])
    # Of all methods at once: a merge takes a millisecond, however few the runs.
    both = comparable_pairs(runs.assign(group=group), best[columns], "_best")
    values = both[[column, f"{column}_best"]].to_numpy(np.float64)
    known = (np.isfinite(values) & (values > 0)).all(axis=1)
    logs: Array = np.log(values[known, 0] / values[known, 1])
    group = both["group"].to_numpy()[known]
    return {key: logs[group == n] for n, key in enumerate(groups)}


def _common_times(groups: Sequence[pd.DataFrame], column: str) -> Array:
    """Return the logs of the times of seeds that all methods have, (methods, seeds)."""
    each_seed = [each.drop_duplicates("seed").set_index("seed")[column] for each in groups]
    table = pd.concat(each_seed, axis=1)
    values = table.to_numpy(np.float64).T
    values = values[:, (np.isfinite(values) & (values > 0)).all(axis=0)]
    logs: Array = np.log(values)
    return logs
