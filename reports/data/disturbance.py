"""Which runs were disturbed: their calibrations took unlike times.

A calibration is one fixed piece of work, timed before and after each run. On an undisturbed machine
it takes the same time, but for noise.
"""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from reports.data.noise import NoiseFloor

DEFAULT_MARGIN = 0.25  # of ln, where no noise floor is known
_MACHINE = ["fingerprint", "device", "num_threads"]


def disturbed(runs: pd.DataFrame, floor: NoiseFloor) -> pd.Series[bool]:
    """Return which runs were disturbed; a run without calibrations is not known to be.

    The calibrations before and after a run are compared with the median of those of all runs on its
    machine, and with each other. A run is disturbed if one ratio is beyond the noise floor.
    """
    before, after = _logarithm(runs["calibration_before"]), _logarithm(runs["calibration_after"])
    both = pd.concat([before, after])
    machine = [pd.concat([runs[name]] * 2) for name in _MACHINE]
    usual = both.groupby(machine, dropna=False).transform("median").iloc[: len(runs)]
    ratios = pd.concat([before - usual, after - usual, before - after], axis=1).abs()
    found: pd.Series[bool] = ratios.max(axis=1) > margins(runs, floor)
    return found


def _logarithm(seconds: pd.Series[float]) -> pd.Series[float]:
    """A stranger's calibration may be zero, which says nothing."""
    return pd.Series(np.log(seconds.where(seconds > 0).to_numpy()), seconds.index)


def margins(runs: pd.DataFrame, floor: NoiseFloor) -> pd.Series[float]:
    """Return how far the logarithms of calibrations may differ: the larger of their floors."""
    known = [floor.of_measure(name) for name in ("step", "calibration")]
    margin = max((noise.margin for noise in known if noise.known), default=math.nan)
    counts = floor.counts_for(runs) & math.isfinite(margin)
    return pd.Series(DEFAULT_MARGIN, runs.index).mask(counts, margin)
