"""One number for many scores: mean, median and interquartile mean."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Aggregate = Callable[[Array], Array]


def mean(scores: Array) -> Array:
    """Return the mean of the finite values: (..., seeds, workloads) -> (...); NaN where none is."""
    return _trimmed_mean(scores, 0.0)


def interquartile_mean(scores: Array) -> Array:
    """Return the mean of the middle half of the finite values: (..., seeds, workloads) -> (...).

    As scipy.stats.trim_mean(values, 0.25) over all seeds and workloads together, for many arrays at
    once. Less swayed by outliers than the mean, less noisy than the median (Agarwal et al. 2021,
    Deep reinforcement learning at the edge of the statistical precipice).
    """
    return _trimmed_mean(scores, 0.25)


def median(scores: Array) -> Array:
    """Return the median of the finite values: (..., seeds, workloads) -> (...); NaN if none."""
    ordered, count = _ordered(scores)
    low = np.maximum(count - 1, 0) // 2
    high = np.minimum(count // 2, ordered.shape[-1] - 1)
    middle: Array = np.take_along_axis(ordered, np.stack([low, high], axis=-1), axis=-1)
    return 0.5 * (middle[..., 0] + middle[..., 1])


def _trimmed_mean(scores: Array, proportion: float) -> Array:
    ordered, count = _ordered(scores)
    cut = (proportion * count).astype(np.int64)
    place = np.arange(ordered.shape[-1])
    kept = (place >= cut[..., None]) & (place < (count - cut)[..., None])
    total = np.where(kept, ordered, 0.0).sum(axis=-1)
    number = kept.sum(axis=-1)
    return np.where(number > 0, total / np.maximum(number, 1), np.nan)


def _ordered(scores: Array) -> tuple[Array, NDArray[np.int64]]:
    """Return all values of each (seeds, workloads) in order, NaN last, and how many are finite."""
    values = np.asarray(scores, dtype=np.float64)
    flat = values.reshape(*values.shape[:-2], values.shape[-2] * values.shape[-1])
    finite = np.isfinite(flat)
    ordered = np.sort(np.where(finite, flat, np.nan), axis=-1)
    return ordered, finite.sum(axis=-1)
