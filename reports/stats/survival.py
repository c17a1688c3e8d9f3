"""Times of which some are censored: a run that never reached its target within its budget.

`reached` is the time at which a run reached it, inf if never; `followed` is how long such a run
was followed, its budget, and is not read where the target was reached. NaN `reached`: not run.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from reports.stats.aggregate import Array


def kaplan_meier(reached: Array, followed: Array) -> tuple[Array, Array]:
    """Return times and S(t), (distinct times,): the estimate of runs (n,) (Kaplan & Meier 1958).

    S, the fraction not yet there, is 1 before times[0] and S[i] from times[i]; a censored time is
    among them, without a drop. By scipy.stats.ecdf. Raises ValueError if there is no run, or a
    censored one without a finite `followed`.
    """
    times, censored = _observed(np.asarray(reached), np.asarray(followed))
    there = ~np.isnan(times)
    if not there.any():
        raise ValueError("no run to estimate survival from")
    sample = stats.CensoredData.right_censored(times[there], censored[there])
    estimate = stats.ecdf(sample).sf
    return estimate.quantiles, estimate.probabilities


def restricted_mean(reached: Array, followed: Array, horizon: float) -> float:
    """Return the mean time up to a horizon, ∫₀^h S(t) dt, of runs (n,); NaN if there is none.

    Royston & Parmar 2013, Restricted mean survival time. If no run is there, it is the horizon.
    Beyond the last run that was followed S stays as it is: choose the horizon within the budget.
    """
    times, censored = _observed(np.asarray(reached), np.asarray(followed))
    there = ~np.isnan(times)
    if not there.any():
        return math.nan
    order = np.lexsort((censored[there], times[there]))  # at a tie, the censored outlive the others
    until = np.minimum(times[there][order], horizon)
    event, at_risk = ~censored[there][order], np.arange(len(until), 0, -1)
    survival = np.cumprod(1 - event / at_risk)
    return float(until[0] + (survival * np.diff(np.append(until, horizon))).sum())


def _observed(reached: Array, followed: Array) -> tuple[Array, NDArray[np.bool_]]:
    """Return the time of each run's event or censoring, and which of them is a censoring."""
    censored = np.isinf(reached)
    times = np.where(censored, followed, reached).astype(np.float64)
    if not np.isfinite(times[censored]).all():
        raise ValueError("a censored run has no finite time up to which it was followed")
    return times, censored
