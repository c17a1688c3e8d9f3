"""Differences of quality between two methods, paired by seed and test image, and what they say."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from reports.stats.aggregate import Array
from reports.stats.intervals import Interval, crossed_interval, margin_with_seeds
from reports.stats.verdicts import INCONCLUSIVE, seeds_needed, together, verdict

TOO_FEW = "too few seeds"


@dataclass(frozen=True)
class Difference:
    """The mean difference (dB) with its 95 % interval, the verdict, and the seeds that it won.

    seeds_needed: with which an inconclusive one would be decided; inf: more than can be expected.
    """

    interval: Interval
    verdict: str
    seeds_needed: float
    wins: int
    seeds: int


def difference(values: Array, comparisons: int) -> Difference:
    """Return what paired differences (seeds, images), more is better, say of two methods.

    comparisons: how many verdicts are to hold together in 95 % of the cases. A seed is won where
    its mean over the images is above zero. Without an interval the verdict is TOO_FEW.
    """
    means = values.mean(axis=1) if values.shape[1] else np.full(len(values), np.nan)
    known = np.isfinite(means)
    interval, found = _judged(values, comparisons)
    wins = int((means[known] > 0).sum())
    needed = math.nan
    if found == INCONCLUSIVE:
        margin = margin_with_seeds(values)
        needed = seeds_needed(margin, interval.estimate, 0.0, together(comparisons))
    return Difference(interval, found, needed, wins, int(known.sum()))


def verdict_on(values: Array, comparisons: int) -> str:
    """Return the verdict alone, which takes a hundredth of the time of all the rest."""
    return _judged(values, comparisons)[1]


def _judged(values: Array, comparisons: int) -> tuple[Interval, str]:
    interval = crossed_interval(values)
    simultaneous = crossed_interval(values, together(comparisons), symmetric=True)
    return interval, verdict(interval, simultaneous, 0.0) if interval.known else TOO_FEW
