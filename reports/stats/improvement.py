"""The probability that one method scores higher than another."""

from __future__ import annotations

import numpy as np

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


def probability_of_improvement(
    scores: Array,
    others: Array,
    *,
    resamples: int = RESAMPLES,
    level: float = LEVEL,
    seed: int = 0,
) -> Interval:
    """Return P(X > Y) of two methods' scores, (seeds, cells) each, averaged over cells.

    In a cell it is Mann-Whitney's U / (n m): of all pairs of seeds the part that X wins, a tie
    counting half (Agarwal et al. 2021, equation 2). Cells that one of them lacks are left out.
    The interval resamples seeds within cells, the same for both. For times give -X and -Y.
    """
    x, y = np.asarray(scores, dtype=np.float64), np.asarray(others, dtype=np.float64)
    if x.shape != y.shape or x.ndim != 2:
        raise ValueError(f"scores are not of one shape (seeds, cells): {x.shape} and {y.shape}")
    both = ~(np.isnan(x).all(axis=0) | np.isnan(y).all(axis=0))
    x, y = x[:, both], y[:, both]
    draws = uniform_draws(x.shape, resamples, seed)
    tail = float(np.minimum(expanded_tail(x, level), expanded_tail(y, level)))  # NaN if either is
    wins = _wins(resampled(x, draws), resampled(y, draws))
    return percentile_interval(float(_wins(x, y)), wins, tail)


def _wins(x: Array, y: Array) -> Array:
    """Return the part of pairs that X wins, mean over cells: (..., seeds, cells) -> (...)."""
    x, y = x[..., :, None, :], y[..., None, :, :]
    valid = ~(np.isnan(x) | np.isnan(y))
    won = np.where(valid, (x > y) + 0.5 * (x == y), 0.0).sum(axis=(-3, -2))
    of_cell = won / valid.sum(axis=(-3, -2))
    if not of_cell.shape[-1]:
        return np.full(of_cell.shape[:-1], np.nan)
    averaged: Array = of_cell.mean(axis=-1)
    return averaged
