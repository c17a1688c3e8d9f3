"""Differences of quality between two methods, paired by seed and test image, and what they say."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from reports.stats.aggregate import Array
from reports.stats.intervals import Interval, crossed_interval
from reports.stats.verdicts import together, verdict

TOO_FEW = "too few seeds"


@dataclass(frozen=True)
class Difference:
    """The mean difference (dB) with its 95 % interval, the verdict, and the seeds that it won."""

    interval: Interval
    verdict: str
    wins: int
    seeds: int


def difference(values: Array, comparisons: int) -> Difference:
    """Return what paired differences (seeds, images), more is better, say of two methods.

    comparisons: how many verdicts are to hold together in 95 % of the cases. A seed is won where
    its mean over the images is above zero. Without an interval the verdict is TOO_FEW.
    """
    means = values.mean(axis=1) if values.shape[1] else np.full(len(values), np.nan)
    known = np.isfinite(means)
    interval = crossed_interval(values)
    found = verdict(interval, crossed_interval(values, together(comparisons)), 0.0)
    wins = int((means[known] > 0).sum())
    return Difference(interval, found if interval.known else TOO_FEW, wins, int(known.sum()))
