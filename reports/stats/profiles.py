"""Performance profiles of times, and the score that is the area under one.

A ratio to the fastest method depends on who takes part: a method added to the pool changes the
ratios, profiles and scores of all others. `reference_ratios` are relative to fixed times instead.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from reports.stats.aggregate import Array

LARGEST_RATIO = 4.0


@dataclass(frozen=True)
class Ratios:
    """Time ratios per method, (kept workloads,), inf: not reached; and how many are left out."""

    of_method: dict[str, Array]
    workloads_left_out: int


def best_times(times: Mapping[str, Array]) -> Array:
    """Return the least time among the methods, of arrays of one shape; inf: no method reached it.

    Ratios to it are those of a performance profile (Dolan & Moré 2002, Benchmarking optimization
    software with performance profiles).
    """
    best: Array = np.min(
        np.stack([_unreached_as_infinite(each) for each in times.values()]), axis=0
    )
    return best


def reference_ratios(times: Mapping[str, Array], reference: str | Array) -> Ratios:
    """Return r = t / reference of times (workloads,), so that no other method changes it.

    `reference` is one of the methods or gives the times (workloads,). A ratio may be below 1. A
    workload on which the reference has no finite time is left out, and counted.
    """
    given = times[reference] if isinstance(reference, str) else reference
    base = _unreached_as_infinite(given)
    kept = np.isfinite(base)
    ratios = {
        method: _ratio(_unreached_as_infinite(each)[kept], base[kept])
        for method, each in times.items()
    }
    return Ratios(ratios, int((~kept).sum()))


def performance_profile(ratios: Array, taus: Array) -> Array:
    """Return ρ(τ), the fraction of the workloads, (workloads,), with a ratio of at most τ (taus,).

    Dolan & Moré 2002, equation 2.1. NaN where there is no workload.
    """
    workloads, grid = np.asarray(ratios), np.asarray(taus)
    if not workloads.size:
        return np.full(grid.shape, np.nan)
    profile: Array = (workloads[None, :] <= grid[:, None]).mean(axis=1)
    return profile


def benchmark_score(ratios: Array) -> float:
    """Return B = 1/(r_max - 1) ∫ ρ(τ) dτ over [1, r_max], in [0, 1], of ratios (workloads,).

    Dahl et al. 2023, Benchmarking neural network training algorithms (AlgoPerf), with r_max = 4;
    in closed form (1/n) Σ max(0, r_max - r) / (r_max - 1). A ratio below 1, faster than a
    reference, counts as 1: the score stays in [0, 1]. NaN where there is no workload.
    """
    workloads = np.maximum(np.asarray(ratios, dtype=np.float64), 1.0)
    if not workloads.size:
        return math.nan
    return float((np.maximum(0.0, LARGEST_RATIO - workloads) / (LARGEST_RATIO - 1)).mean())


def _unreached_as_infinite(times: Array) -> Array:
    array = np.asarray(times, dtype=np.float64)
    if (array < 0).any():
        raise ValueError("a time is negative")
    return np.where(np.isnan(array), np.inf, array)


def _ratio(times: Array, base: Array) -> Array:
    """Divide; equal times have the ratio 1 even where both are 0: reached before training."""
    ratio = np.full(times.shape, np.inf)
    np.divide(times, base, out=ratio, where=base > 0)
    return np.where(times == base, 1.0, ratio)
