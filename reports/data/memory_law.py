"""The law of peak memory: peak = batch · pixels · (a + b · forward iterations)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.grouping import completed
from reports.stats.aggregate import Array

FLAT = 1e-2  # of the mean: padding makes even a flat peak vary by so much between sizes


def memory_points(dataset: Dataset) -> pd.DataFrame:
    """Return the measured peaks with labels and `bytes_per_pixel`: peak / (batch · size²)."""
    kept = ["run_id", "problem", "size", "layer", "legend", "seed", "status"]
    points = completed(dataset.results.memory.merge(dataset.runs[kept], on="run_id"))
    points = points[(points["size"] > 0) & (points["batch_size"] > 0)]
    pixels = points["batch_size"] * points["size"].astype("float64") ** 2
    return points.assign(bytes_per_pixel=points["peak_memory_bytes"] / pixels)


def memory_laws(dataset: Dataset) -> pd.DataFrame:
    """Return a row per problem, layer and method: its law, R², and what it was fitted to."""
    order = {legend: rank for rank, legend in enumerate(dataset.legends)}
    by = ["problem", "layer", "legend"]
    rows = [
        {
            **dict(zip(by, key, strict=True)),
            **law(group["forward_iterations"].to_numpy(), group["bytes_per_pixel"].to_numpy()),
            "sizes": ", ".join(map(str, sorted(set(group["size"])))),
            "points": len(group),
        }
        for key, group in memory_points(dataset).groupby(by, sort=False)
    ]
    rows.sort(key=lambda row: (str(row["problem"]), order[str(row["legend"])]))
    return pd.DataFrame(rows)


def law(iterations: Array, bytes_per_pixel: Array) -> dict[str, float]:
    """Return a and b of a + b · iterations, and R², of arrays (points,).

    b and R² are NaN with one number of iterations; R² also where the values do not vary.
    """
    names = ("bytes_per_pixel", "bytes_per_pixel_per_iteration", "r_squared")
    if len(set(iterations)) < 2:
        return {**dict.fromkeys(names, math.nan), names[0]: float(np.mean(bytes_per_pixel))}
    design = np.stack([np.ones(len(iterations)), iterations.astype(np.float64)], axis=1)
    found, *_ = np.linalg.lstsq(design, bytes_per_pixel, rcond=None)
    rest = ((bytes_per_pixel - design @ found) ** 2).sum()
    spread = ((bytes_per_pixel - bytes_per_pixel.mean()) ** 2).sum()
    varies = spread > len(iterations) * (FLAT * bytes_per_pixel.mean()) ** 2
    r_squared = 1 - rest / spread if varies else math.nan
    return dict(zip(names, (float(found[0]), float(found[1]), float(r_squared)), strict=True))
