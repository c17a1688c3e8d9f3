"""The quality of every test image, as one array beside the table of runs."""

from __future__ import annotations

import numpy as np
import pandas as pd

from bench.records import COMPLETED
from reports.stats.aggregate import Array

MOST_VALUES = 20_000_000  # 160 MB


def image_values(runs: pd.DataFrame, images: pd.DataFrame, column: str) -> Array:
    """Return a column of `images` for each run's test images, (runs, images) in order of `runs`.

    NaN for an image that a run lacks. A run that did not complete has none; nor has any where the
    array would be larger than that of any grid.
    """
    numbers, columns = np.unique(images["image"], return_inverse=True)
    if len(runs) * len(numbers) > MOST_VALUES:
        return np.empty((len(runs), 0))
    values = np.full((len(runs), len(numbers)), np.nan)
    rows = pd.Index(runs["run_id"]).get_indexer(pd.Index(images["run_id"]))
    known = rows >= 0
    values[rows[known], columns[known]] = images[column].to_numpy(np.float64)[known]
    values[(runs["status"] != COMPLETED).to_numpy()] = np.nan
    return np.where(np.isfinite(values), values, np.nan)


def seeds_by_images(means: Array, images: Array) -> Array:
    """Return what an interval over seeds and images is made of, (seeds, images), of some runs.

    means: (seeds,) of each run over its images; images: (seeds, images), NaN where there is none.
    The images are those that all runs have; where there are none, the means are the only column.
    """
    measured = np.isfinite(means)
    known = np.isfinite(images[measured]).all(axis=0)
    if not measured.any() or not known.any():
        return means[:, None]
    return images[:, known]
