"""Intervals: the stratified bootstrap, and Student's for what few seeds can tell.

A bootstrap of few seeds is too narrow: of normal scores, 3 seeds by 8 workloads, the plain
percentile interval of 95 % covers the truth 84 % of the time. The percentiles are therefore
expanded, which mends it where workloads are many. No percentile reaches beyond the values seen: of
3 pairs on one workload it covers 75 %. There `student_interval` does cover 95 %.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy import stats

from reports.stats.aggregate import Aggregate, Array, mean

RESAMPLES = 2000
MOST_DRAWS = 20_000_000  # 160 MB
LEVEL = 0.95


@dataclass(frozen=True)
class Interval:
    """An estimate between its bounds; they are NaN where the seeds are too few to tell."""

    low: float
    estimate: float
    high: float

    @property
    def known(self) -> bool:
        """Whether there are bounds."""
        return math.isfinite(self.low) and math.isfinite(self.high)

    def map(self, increasing: Callable[[float], float]) -> Interval:
        """Return the interval of an increasing function, such as exp for ratios of times."""
        return Interval(increasing(self.low), increasing(self.estimate), increasing(self.high))


def bootstrap_intervals(
    scores: Mapping[str, Array], aggregate: Aggregate = mean, *, resamples: int = RESAMPLES
) -> dict[str, Interval]:
    """Return a percentile interval per method; `scores` are (seeds, workloads), of one shape.

    Seeds are resampled within each workload (Agarwal et al. 2021: stratified), the same ones for
    every method of the call (paired), so that methods differ by their scores and not by the draw.
    """
    shapes = {np.shape(values) for values in scores.values()}
    if len(shapes) != 1 or len(next(iter(shapes))) != 2:
        raise ValueError(f"scores are not all of one shape (seeds, workloads): {sorted(shapes)}")
    draws, found = uniform_draws(shapes.pop(), resamples), {}
    for method, each in scores.items():
        values = as_matrix(each)
        drawn = aggregate(resampled(values, draws))
        found[method] = percentile_interval(float(aggregate(values)), drawn, expanded_tail(values))
    return found


def student_interval(differences: Array) -> Interval:
    """Return Student's interval of the mean of paired differences, (pairs,) or (seeds, workloads).

    The mean over W workloads of their means m_w has the variance Σ v_w / W², v_w = s_w² / n_w, and
    (Σ v_w)² / Σ(v_w² / (n_w - 1)) degrees of freedom (Welch 1947, Satterthwaite 1946). For one
    workload that is the paired t test. Workloads without a value are left out; NaN bounds where a
    workload has a single one.
    """
    values = as_matrix(differences)
    values = values[:, np.isfinite(values).any(axis=0)]
    count = np.isfinite(values).sum(axis=0)
    if not values.size:
        return Interval(math.nan, math.nan, math.nan)
    estimate = float(np.nanmean(values, axis=0).mean())
    if (count < 2).any():
        return Interval(math.nan, estimate, math.nan)
    variance = np.nanvar(values, axis=0, ddof=1) / count
    margin = _student_margin(variance, count) / values.shape[1]
    return Interval(estimate - margin, estimate, estimate + margin)


def _student_margin(variance: Array, count: Array) -> float:
    scale = float(variance.max())
    if scale == 0:  # every pair differs by the same
        return 0.0
    relative = variance / scale  # whose squares neither overflow nor vanish
    freedom = relative.sum() ** 2 / (relative**2 / (count - 1)).sum()
    return float(stats.t.ppf(0.5 + LEVEL / 2, freedom) * math.sqrt(variance.sum()))


# ------------------------------------------------------------------------------ the pieces


def as_matrix(values: Array) -> Array:
    """Return (pairs,) as (pairs, 1), and (seeds, workloads) as it is; infinities become missing."""
    array = np.asarray(values, dtype=np.float64)
    array = array[:, None] if array.ndim == 1 else array
    return np.where(np.isfinite(array), array, np.nan)


def uniform_draws(shape: tuple[int, ...], resamples: int = RESAMPLES) -> Array:
    """Return the draws of a bootstrap, (resamples, seeds, workloads) in [0, 1).

    There are fewer resamples than asked for where they would take more than MOST_DRAWS numbers.
    """
    fitting = max(1, min(resamples, MOST_DRAWS // max(1, math.prod(shape))))
    return np.random.default_rng(0).random((fitting, *shape))


def times_drawn(count: int, draws: Array) -> Array:
    """Return how often each of the `count` seeds of a workload is in each resample, as `resampled`.

    draws: (resamples, seeds); the result: (resamples, count).
    """
    place = np.minimum((draws[:, :count] * count).astype(np.int64), count - 1)
    place += count * np.arange(len(draws))[:, None]
    drawn = np.bincount(place.ravel(), minlength=len(draws) * count)
    return drawn.reshape(len(draws), count).astype(np.float64)


def resampled(values: Array, draws: Array) -> Array:
    """Resample the seeds of each workload: (seeds, workloads) -> (resamples, seeds, workloads).

    A method that misses seeds in a workload is resampled among those it has there, and as many: a
    resample never loses a workload, nor its weight.
    """
    present = ~np.isnan(values)
    first = np.take_along_axis(values, np.argsort(~present, axis=0, kind="stable"), axis=0)
    count = present.sum(axis=0)
    place = np.minimum((draws * count).astype(np.int64), np.maximum(count - 1, 0))
    taken = np.take_along_axis(np.broadcast_to(first, draws.shape), place, axis=1)
    drawn = np.arange(values.shape[0])[:, None] < count
    return np.where(drawn, taken, np.nan)


def expanded_tail(values: Array) -> float:
    """Return the part to leave out at each end of the resamples of (seeds, workloads), or NaN.

    Φ(-√(n/(n - 1)) t), t Student's quantile with Σ(n_w - 1) degrees of freedom, n the least number
    of seeds in a workload: the expanded percentile interval (Hesterberg 2015, What teachers should
    know about the bootstrap). NaN where a workload has a single seed, which tells no spread.
    """
    count = np.isfinite(values).sum(axis=0)
    count = count[count > 0]
    if not count.size or count.min() < 2:
        return math.nan
    narrowness = math.sqrt(count.min() / (count.min() - 1))
    quantile = stats.t.ppf(0.5 + LEVEL / 2, (count - 1).sum())
    return float(stats.norm.cdf(-narrowness * quantile))


def percentile_interval(estimate: float, resamples: Array, tail: float) -> Interval:
    """Return the estimate between percentiles of its resamples, (resamples,); NaN without tail."""
    if math.isnan(tail):
        return Interval(math.nan, estimate, math.nan)
    low, high = np.quantile(resamples, [tail, 1 - tail])
    return Interval(float(low), estimate, float(high))
