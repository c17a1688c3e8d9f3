"""Times of which some are censored: a run that never reached its target within its budget.

`reached` is the time at which a run reached it, inf if never; `followed` is how long such a run
was followed, its budget, and is not read where the target was reached. NaN `reached`: not run.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reports.stats.aggregate import Array
from reports.stats.resampling import (
    LEVEL,
    RESAMPLES,
    Interval,
    expanded_tail,
    percentile_interval,
    resampled,
    uniform_draws,
)


@dataclass(frozen=True)
class SurvivalCurve:
    """S(t), the part not yet there, a step function: 1 before times[0], `survival[i]` from there.

    times and survival: (distinct times,). A censored time is among them, without a drop.
    """

    times: Array
    survival: Array

    @property
    def median(self) -> float:
        """The first time at which at most half are not yet there; inf if that is not reached."""
        # A product of fractions such as 2/3 · 3/4 may end a rounding error above one half.
        at_most_half = np.flatnonzero(self.survival <= 0.5 + 1e-12)
        return float(self.times[at_most_half[0]]) if at_most_half.size else math.inf


def kaplan_meier(reached: Array, followed: Array) -> SurvivalCurve:
    """Return the product-limit estimate of runs (n,) (Kaplan & Meier 1958), by scipy.stats.ecdf.

    Raises ValueError if there is no run, or a censored one without a finite `followed`.
    """
    times, censored = _observed(np.asarray(reached), np.asarray(followed))
    there = ~np.isnan(times)
    if not there.any():
        raise ValueError("no run to estimate survival from")
    sample = stats.CensoredData.right_censored(times[there], censored[there])
    estimate = stats.ecdf(sample).sf
    return SurvivalCurve(estimate.quantiles, estimate.probabilities)


def restricted_mean(reached: Array, followed: Array, horizon: float) -> float:
    """Return the mean time up to a horizon, ∫₀^h S(t) dt, of runs (n,); NaN if there is none.

    Royston & Parmar 2013, Restricted mean survival time. If no run is there, it is the horizon.
    Beyond the last run that was followed S stays as it is: choose the horizon within the budget.
    """
    times, censored = _observed(np.asarray(reached), np.asarray(followed))
    return float(_restricted_mean(times[:, None], censored[:, None], horizon)[0])


def restricted_mean_interval(
    reached: Array,
    followed: Array,
    horizon: float,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return the restricted mean, mean over cells, with its bootstrap interval.

    reached and followed: (seeds,) or (seeds, cells); seeds are resampled within each cell. The
    bounds are unknown (NaN) with one seed, and where no run reached the target: then no resample
    can differ.
    """
    times, censored = _observed(*map(_matrix, (reached, followed)))
    cells = ~np.isnan(times).all(axis=0)
    times, censored = times[:, cells], censored[:, cells]
    if not times.size:
        return Interval(math.nan, math.nan, math.nan)
    varies = not censored[~np.isnan(times)].all()
    tail = expanded_tail(times, level) if varies else math.nan
    draws = uniform_draws(times.shape, resamples, seed)
    flags = np.where(np.isnan(times), np.nan, censored)
    drawn = _restricted_mean(resampled(times, draws), resampled(flags, draws) == 1, horizon)
    estimate = float(_restricted_mean(times, censored, horizon).mean())
    return percentile_interval(estimate, drawn.mean(axis=-1), tail)


def _matrix(values: Array) -> Array:
    array = np.asarray(values, dtype=np.float64)
    return array[:, None] if array.ndim == 1 else array


def _observed(reached: Array, followed: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the time of each run's event or censoring, and which of them is a censoring."""
    censored = np.isinf(reached)
    times = np.where(censored, followed, reached).astype(np.float64)
    if not np.isfinite(times[censored]).all():
        raise ValueError("a censored run has no finite time up to which it was followed")
    return times, censored


def _restricted_mean(times: Array, censored: NDArray[np.bool_], horizon: float) -> Array:
    """Integrate S per cell for many samples at once: (..., seeds, cells) -> (..., cells)."""
    order = np.lexsort((censored, times), axis=-2)  # at a tie, the censored outlive the others
    ordered = np.take_along_axis(times, order, axis=-2)
    event = ~np.take_along_axis(censored, order, axis=-2) & ~np.isnan(ordered)
    at_risk = (~np.isnan(times)).sum(axis=-2, keepdims=True) - _places(times)
    survival = np.cumprod(1 - event / np.maximum(at_risk, 1), axis=-2)
    until = np.minimum(np.where(np.isnan(ordered), horizon, ordered), horizon)
    first, last = until[..., :1, :], np.full_like(until[..., :1, :], horizon)
    widths = np.diff(np.concatenate([until, last], axis=-2), axis=-2)
    area = first[..., 0, :] + (survival * widths).sum(axis=-2)
    return np.where(np.isnan(times).all(axis=-2), np.nan, area)


def _places(times: Array) -> NDArray[np.int64]:
    return np.arange(times.shape[-2])[:, None]
