"""The noise of times, estimated from all that is known of it.

Two or three pairs of seeds say little of the noise of one method: Student's interval of three is
2.5 standard deviations wide. But all methods ran on one machine, and its noise floor was measured.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from scipy import stats

from reports.stats.aggregate import Array
from reports.stats.intervals import LEVEL, Interval

Key = TypeVar("Key")
_UNUSUAL = 0.95  # quantile of the ratio of variances from which a method has a noise of its own


@dataclass(frozen=True)
class Noise:
    """The standard deviation of ln(a/b) of two executions of equal work, and how well it is known.

    freedom: the degrees of freedom of the estimate; 0 where nothing is known.
    """

    deviation: float = math.nan
    freedom: float = 0.0

    @property
    def known(self) -> bool:
        """Whether anything is known."""
        return self.freedom > 0 and math.isfinite(self.deviation)

    @property
    def floor(self) -> float:
        """The relative difference below which 95 % of such pairs are; NaN if unknown."""
        if not self.known:
            return math.nan
        return math.expm1(float(stats.t.ppf(0.5 + LEVEL / 2, self.freedom)) * self.deviation)


def noises(logs: Mapping[Key, Array], floor: Noise) -> dict[Key, Noise]:
    """Return the noise of each group of paired log ratios, (pairs,), all of the same quantity.

    The deviations of the pairs from the means of their groups and the noise floor are pooled. A
    group whose own variance is larger than chance allows (F test at 5 %) is judged by its own;
    one that is noisier than the pool, but not by so much, by its own variance and the pool's
    degrees of freedom.
    """
    own = {key: of_pairs(each) for key, each in logs.items()}
    everything = combined(*own.values(), floor)
    return {
        key: of_group(each, combined(*(own[k] for k in own if k != key), floor), everything)
        for key, each in own.items()
    }


def of_pairs(logs: Array) -> Noise:
    """Return the noise that the deviations of log ratios, (pairs,), from their mean show."""
    values = np.asarray(logs, dtype=np.float64)
    if values.size < 2:
        return Noise()
    return Noise(float(values.std(ddof=1)), float(values.size - 1))


def of_methods(logs: Array) -> Noise:
    """Return the noise of the ratio of two methods from the logs of their times, (methods, seeds).

    It is what neither the methods nor the seeds explain. Ratios to one common method would not be
    independent of each other.
    """
    methods, seeds = logs.shape
    if methods < 2 or seeds < 2:
        return Noise()
    rest = logs - logs.mean(axis=1, keepdims=True) - logs.mean(axis=0) + logs.mean()
    freedom = (methods - 1) * (seeds - 1)
    return Noise(math.sqrt(2 * float((rest**2).sum()) / freedom), freedom)


def combined(*parts: Noise) -> Noise:
    """Pool estimates of one noise, each weighted by its degrees of freedom."""
    known = [each for each in parts if each.known]
    freedom = sum(each.freedom for each in known)
    if not known:
        return Noise()
    squares = sum(each.freedom * each.deviation**2 for each in known)
    return Noise(math.sqrt(squares / freedom), freedom)


def of_group(own: Noise, others: Noise, everything: Noise) -> Noise:
    """Return the noise by which one group is judged, given those of the others and of all."""
    if not own.known:
        return everything
    if others.known and _unusual(own, others):
        return own
    return Noise(max(everything.deviation, own.deviation), everything.freedom)


def ratio_interval(logs: Array, noise: Noise, level: float = LEVEL) -> Interval:
    """Return Student's interval of the mean of log ratios, (pairs,), whose noise is known."""
    estimate = float(np.mean(logs)) if len(logs) else math.nan
    if not noise.known or not len(logs):
        return Interval(math.nan, estimate, math.nan)
    quantile = float(stats.t.ppf(0.5 + level / 2, noise.freedom))
    margin = quantile * noise.deviation / math.sqrt(len(logs))
    return Interval(estimate - margin, estimate, estimate + margin)


def _unusual(own: Noise, others: Noise) -> bool:
    limit = float(stats.f.ppf(_UNUSUAL, own.freedom, others.freedom))
    return own.deviation**2 > limit * others.deviation**2
