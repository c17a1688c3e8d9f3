"""The probability that one method scores higher than another."""

from __future__ import annotations

import math

import numpy as np

from reports.stats.aggregate import Array
from reports.stats.resampling import (
    RESAMPLES,
    Interval,
    expanded_tail,
    percentile_interval,
    times_drawn,
    uniform_draws,
)


def probability_of_improvement(
    scores: Array, others: Array, *, resamples: int = RESAMPLES
) -> Interval:
    """Return P(X > Y) of two methods' scores, (seeds, workloads) each, averaged over workloads.

    In a workload it is Mann-Whitney's U / (n m): of all pairs of seeds the part that X wins, a tie
    counting half (Agarwal et al. 2021, equation 2). Workloads that one of them lacks are left out.
    The interval resamples seeds within workloads, the same for both. For times give -X and -Y.
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f"scores are not of one shape (seeds, workloads): {x.shape} and {y.shape}")
    both = ~(np.isnan(x).all(axis=0) | np.isnan(y).all(axis=0))
    x, y = x[:, both], y[:, both]
    draws = uniform_draws(x.shape, resamples)
    tail = float(np.minimum(expanded_tail(x), expanded_tail(y)))  # NaN if either is
    workloads = [_wins(x[:, at], y[:, at], draws[:, :, at]) for at in range(x.shape[1])]
    if not workloads:
        return percentile_interval(math.nan, np.full(len(draws), math.nan), math.nan)
    estimates, resampled = zip(*workloads, strict=True)
    return percentile_interval(float(np.mean(estimates)), np.mean(resampled, axis=0), tail)


def _wins(x: Array, y: Array, draws: Array) -> tuple[float, Array]:
    """Return the part of pairs that X wins in a workload, x and y (seeds,), and in its resamples.

    draws: (resamples, seeds). A resample only weighs each pair of seeds by how often both are in
    it, so that a table of the pairs, and not one for each resample, is all that is needed.
    """
    x, y = x[~np.isnan(x)], y[~np.isnan(y)]
    won = (x[:, None] > y) + 0.5 * (x[:, None] == y)
    weighted = (times_drawn(len(x), draws) @ won * times_drawn(len(y), draws)).sum(axis=1)
    return float(won.mean()), weighted / won.size
