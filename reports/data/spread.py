"""Means over seeds: of numbers, and of curves."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation of values over seeds."""

    mean: float
    std: float


def spread(values: Iterable[float]) -> Spread:
    """Return mean (NaN if none) and deviation (n - 1; NaN for a single one) of finite values."""
    finite = np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)
    mean = float(finite.mean()) if finite.size else math.nan
    return Spread(mean, float(finite.std(ddof=1)) if finite.size > 1 else math.nan)


def mean_curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Return mean time, mean PSNR and its std over seeds, at each step that all seeds have.

    `curves` holds one method's runs. Columns: step, train_seconds, psnr, std (NaN: one seed).
    """
    seeds = curves["run_id"].nunique()
    finite = curves[np.isfinite(curves["psnr"])]
    steps = finite.groupby("step")
    table = steps[["train_seconds", "psnr"]].mean().assign(std=steps["psnr"].std(ddof=1))
    complete: pd.DataFrame = table[steps["run_id"].nunique() == seeds]
    return complete.reset_index()
