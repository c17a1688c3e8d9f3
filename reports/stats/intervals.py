"""Intervals of means and medians that hold for the few seeds that users have.

Student's interval covers 95 % for normal errors, whatever the number of seeds, but 88 % for
exponential ones. Two corrections mend most of that, both calibrated by simulation (the tests, and
docs/measurement.md, state the coverage): the tails are a little smaller than 5 % the fewer the
seeds are, and the interval is stretched on the side of the longer tail, by the square of the
estimated skewness of the mean. An interval of one seed is unknown.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import numpy as np
from scipy import stats

from reports.stats.aggregate import Array

LEVEL = 0.95
FEWEST_FOR_MEDIAN = 5  # their range covers the median 94 % of the time
_SMALLER_TAIL = 0.6  # of the tail, over the number of values
_STRETCH = 10.0  # per squared skewness of the mean


@dataclass(frozen=True)
class Interval:
    """An estimate between its bounds; they are NaN where the seeds are too few to tell.

    is_range: the bounds are the least and the largest value seen, of which no coverage is claimed.
    """

    low: float
    estimate: float
    high: float
    is_range: bool = False

    @property
    def known(self) -> bool:
        """Whether there are bounds."""
        return not (math.isnan(self.low) or math.isnan(self.high))

    def map(self, increasing: Callable[[float], float]) -> Interval:
        """Return the interval of an increasing function, such as exp for ratios of times."""
        low, estimate, high = map(increasing, (self.low, self.estimate, self.high))
        return Interval(low, estimate, high, self.is_range)


def mean_interval(values: Array, level: float = LEVEL) -> Interval:
    """Return the interval of the mean of independent values, (n,); those not finite are left out.

    m ± t s/√n, t Student's quantile with n - 1 degrees of freedom, corrected as above.
    """
    finite = _finite(values)
    if finite.size < 2:
        return _unknown(finite)
    part = _part(finite, level)
    return _stretched(float(finite.mean()), part.margin, part.skewness)


def crossed_interval(values: Array, level: float = LEVEL, *, symmetric: bool = False) -> Interval:
    """Return the interval of the mean of (seeds, images): for other seeds and other images.

    In the model v = μ + seed + image + rest the mean of S seeds and I images has the variance
    σ_s²/S + σ_i²/I + σ²/(S I). Its two parts have margins of their own, t_{S-1} (the means of
    seeds, less most of what the rest adds to them) and t_{I-1} (the means of images), which are
    added in squares, as in the modified large-sample method (Burdick & Graybill 1992). A seed with
    a value that is not finite is left out. One image: as `mean_interval` over the seeds.
    symmetric: without the stretch, for a test of no difference: that of two methods that are alike
    has no skewness, whatever their errors have.
    """
    table = _complete(values)
    if not table.size or len(table) < 2:
        return _unknown(table.mean(axis=1) if table.size else np.empty(0))
    margin, skewness = _crossed_margin(table, level)
    return _stretched(float(table.mean()), margin, 0.0 if symmetric else skewness)


def standard_errors(values: Array) -> tuple[float, float]:
    """Return the shares of seeds and of images in the standard error of a mean (seeds, images).

    √(σ_s²/S) and √(σ_i²/I + σ²/(S I)), in the unit of the values; NaN where there is one of them.
    """
    table = _complete(values)
    seeds, images = table.shape
    of_seeds = np.var(table.mean(axis=1), ddof=1) / seeds if seeds > 1 else math.nan
    of_images = np.var(table.mean(axis=0), ddof=1) / images if seeds and images > 1 else math.nan
    rest = _rest(table) if seeds > 1 and images > 1 else 0.0
    return math.sqrt(max(of_seeds - rest, 0)) if seeds > 1 else math.nan, math.sqrt(of_images)


def margin_with_seeds(values: Array) -> Callable[[int, float], float]:
    """Return what margin an interval of (seeds, images) would have, by number of seeds and level.

    With seeds as unlike as these, and the same number of images, which more seeds do not add to;
    above 95 % that of a test of no difference. NaN if there are fewer than two.
    """
    table = _complete(values)
    seeds, images = table.shape
    if seeds < 2 or not images:
        return lambda count, level: math.nan

    @cache
    def parts(level: float) -> tuple[float, float]:
        """The margin of the images, and that of one seed in units of its quantile."""
        interval = crossed_interval(table, level, symmetric=level > LEVEL)
        margin = (interval.high - interval.low) / 2
        fixed = min(_part(table.mean(axis=0), level).margin, margin) if images > 1 else 0.0
        of_seeds = math.sqrt(max(margin**2 - fixed**2, 0))
        return fixed, of_seeds * math.sqrt(seeds) / _quantile(seeds, level)

    def margin(count: int, level: float) -> float:
        fixed, of_seeds = parts(level)
        return math.hypot(of_seeds * _quantile(count, level) / math.sqrt(count), fixed)

    return margin


def median_interval(values: Array, level: float = LEVEL) -> Interval:
    """Return the interval of the median of values, (n,), which may be infinite: never reached.

    From five values on it is made of order statistics, interpolated (Hettmansperger & Sheather
    1986, Confidence intervals based on interpolated order statistics): it needs no distribution.
    With fewer it is the range of the values; with one it is unknown.
    """
    ordered = np.sort(np.asarray(values, dtype=np.float64))
    ordered = ordered[~np.isnan(ordered)]
    if ordered.size < 2:
        return _unknown(ordered)
    median = _between(ordered[(ordered.size - 1) // 2], ordered[ordered.size // 2], 0.5)
    if ordered.size < FEWEST_FOR_MEDIAN:
        return Interval(float(ordered[0]), median, float(ordered[-1]), is_range=True)
    low, high = _order_statistics(ordered, level)
    return Interval(low, median, high)


def range_of(estimate: float, values: Array) -> Interval:
    """Return an estimate with the range of the values it is made of; unknown of fewer than two."""
    known = np.asarray(values, dtype=np.float64)
    known = known[~np.isnan(known)]
    if known.size < 2:
        return Interval(math.nan, estimate, math.nan, is_range=True)
    return Interval(float(known.min()), estimate, float(known.max()), is_range=True)


# ------------------------------------------------------------------------------ the pieces


@dataclass(frozen=True)
class _Part:
    """A mean's variance, the skewness of its distribution, and Student's quantile for it."""

    variance: float
    skewness: float
    quantile: float

    @property
    def margin(self) -> float:
        return self.quantile * math.sqrt(self.variance)


def _part(values: Array, level: float) -> _Part:
    count, rest = values.size, values - values.mean()
    quantile = _quantile(count, level)
    scale = float(np.abs(rest).max())
    if scale == 0:
        return _Part(0.0, 0.0, quantile)
    relative = rest / scale  # whose powers neither overflow nor vanish
    skewness = (relative**3).mean() / (relative**2).mean() ** 1.5 / math.sqrt(count)
    return _Part(float(rest @ rest) / (count - 1) / count, float(skewness), quantile)


def _complete(values: Array) -> Array:
    """Return the seeds of (seeds, images) that have every image."""
    table = np.asarray(values, dtype=np.float64)
    complete: Array = table[np.isfinite(table).all(axis=1)]
    return complete


def _crossed_margin(table: Array, level: float) -> tuple[float, float]:
    """Return the margin of the mean of (seeds, images), and the skewness of what it is made of."""
    seeds, images = table.shape
    of_seeds = _part(table.mean(axis=1), level)
    if images < 2:
        return of_seeds.margin, of_seeds.skewness
    of_images = _part(table.mean(axis=0), level)
    rest = (1 - 2 / seeds) * _rest(table)  # of few seeds a part, so that luck does not hide them
    squares = np.array(
        [max(of_seeds.variance - rest, 0) * of_seeds.quantile**2, of_images.margin**2]
    )
    total = float(squares.sum())
    if total == 0:
        return 0.0, 0.0
    skewness = (squares**1.5) @ (of_seeds.skewness, of_images.skewness) / total**1.5
    return math.sqrt(total), float(skewness)


def _quantile(count: int, level: float = LEVEL) -> float:
    tail = (1 - level) * (1 - _SMALLER_TAIL / count)
    return float(stats.t.ppf(1 - tail / 2, count - 1))


def _rest(table: Array) -> float:
    """What neither seeds nor images explain, as a variance of the mean of all."""
    seeds, images = table.shape
    rest: Array = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest**2).sum() / ((seeds - 1) * (images - 1)) / (seeds * images))


def _stretched(estimate: float, margin: float, skewness: float) -> Interval:
    below, above = (margin * (1 + _STRETCH * max(sign * skewness, 0.0) ** 2) for sign in (-1, 1))
    return Interval(estimate - below, estimate, estimate + above)


def _order_statistics(ordered: Array, level: float) -> tuple[float, float]:
    count = ordered.size
    place = max(int(stats.binom.ppf((1 - level) / 2, count, 0.5)), 1)  # of the lower bound
    outer, inner = (1 - 2 * stats.binom.cdf(each - 1, count, 0.5) for each in (place, place + 1))
    if outer <= level:
        return float(ordered[place - 1]), float(ordered[-place])
    weight = (outer - level) / (outer - inner)
    inward = (count - place) * weight / (place + (count - 2 * place) * weight)
    return (
        _between(ordered[place - 1], ordered[place], inward),
        _between(ordered[-place], ordered[-place - 1], inward),
    )


def _between(first: float, second: float, weight: float) -> float:
    """Interpolate; between a number and infinity there is only infinity."""
    if weight == 0 or first == second:
        return float(first)
    return float((1 - weight) * first + weight * second)


def _finite(values: Array) -> Array:
    array = np.asarray(values, dtype=np.float64).ravel()
    return array[np.isfinite(array)]


def _unknown(values: Array) -> Interval:
    return Interval(math.nan, float(values[0]) if values.size else math.nan, math.nan)
