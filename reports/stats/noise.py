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
    own = {key: _own(each) for key, each in logs.items()}
    known = [each for each in (*own.values(), floor) if each.known]
    freedom = sum(each.freedom for each in known)
    squares = sum(each.freedom * each.deviation**2 for each in known)
    found = {}
    for key, each in own.items():
        rest = freedom - each.freedom, squares - each.freedom * each.deviation**2
        if each.known and rest[0] > 0 and _unusual(each, rest[1] / rest[0], rest[0]):
            found[key] = each
        else:
            pooled = math.sqrt(squares / freedom) if freedom else math.nan
            found[key] = Noise(max(pooled, each.deviation), freedom)
    return found


def ratio_interval(logs: Array, noise: Noise, level: float = LEVEL) -> Interval:
    """Return Student's interval of the mean of log ratios, (pairs,), whose noise is known."""
    estimate = float(np.mean(logs)) if len(logs) else math.nan
    if not noise.known or not len(logs):
        return Interval(math.nan, estimate, math.nan)
    quantile = float(stats.t.ppf(0.5 + level / 2, noise.freedom))
    margin = quantile * noise.deviation / math.sqrt(len(logs))
    return Interval(estimate - margin, estimate, estimate + margin)


def _own(logs: Array) -> Noise:
    values = np.asarray(logs, dtype=np.float64)
    if values.size < 2:
        return Noise(0.0, 0.0)
    return Noise(float(values.std(ddof=1)), float(values.size - 1))


def _unusual(own: Noise, variance: float, freedom: float) -> bool:
    limit = float(stats.f.ppf(_UNUSUAL, own.freedom, freedom))
    return own.deviation**2 > limit * variance and own.deviation > 0
