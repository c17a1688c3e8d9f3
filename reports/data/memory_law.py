"""The law of peak memory: peak = batch · pixels · (a + b · forward iterations)."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.labels import NONE, printable, with_labels
from reports.stats.aggregate import Array
from reports.format import number

SAID = (
    "The peak of a training step whose forward pass makes exactly so many iterations, per pixel of "
    "the batch: a + b · iterations, by least squares over all sizes and seeds. What an iteration "
    "adds is zero for methods that forget the forward solve. R² tells how much of the variation "
    "the law explains; where nothing varies there is nothing to explain."
)
FLAT = 1e-2  # of the mean: between sizes even what is flat varies by so much, padding and all


def memory_points(results: Results) -> pd.DataFrame:
    """Return the measured peaks with labels and `bytes_per_pixel`: peak / (batch · size²)."""
    runs = with_labels(results.runs)
    kept = ["run_id", "problem", "size", "layer", "legend", "seed", "status"]
    points = results.memory.merge(runs[kept], on="run_id")
    positive = (points["size"] > 0) & (points["batch_size"] > 0)
    points = points[(points["status"] == COMPLETED) & positive]
    pixels = points["batch_size"] * points["size"].astype("float64") ** 2
    return points.assign(bytes_per_pixel=points["peak_memory_bytes"] / pixels)


def memory_laws(results: Results) -> pd.DataFrame:
    """Return a row per problem, layer and method: its law, R², and what it was fitted to."""
    points = memory_points(results)
    labelled = with_labels(results.runs)["legend"]
    order = {name: place for place, name in enumerate(dict.fromkeys(labelled))}
    rows = [
        {
            **dict(zip(["problem", "layer", "legend"], key, strict=True)),
            **law(group["forward_iterations"].to_numpy(), group["bytes_per_pixel"].to_numpy()),
            "sizes": ", ".join(map(str, sorted(set(group["size"])))),
            "points": len(group),
        }
        for key, group in points.groupby(["problem", "layer", "legend"], sort=False)
    ]
    rows.sort(key=lambda row: (str(row["problem"]), order[str(row["legend"])]))
    return pd.DataFrame(rows)


def law(iterations: Array, bytes_per_pixel: Array) -> dict[str, float]:
    """Return a and b of a + b · iterations, and R², of arrays (points,).

    b and R² are NaN with one number of iterations; R² also where the values do not vary.
    """
    names = ("bytes_per_pixel", "bytes_per_pixel_per_iteration", "r_squared")
    if len(set(iterations)) < 2:
        return dict(zip(names, (float(np.mean(bytes_per_pixel)), math.nan, math.nan), strict=True))
    design = np.stack([np.ones(len(iterations)), iterations.astype(np.float64)], axis=1)
    found, *_ = np.linalg.lstsq(design, bytes_per_pixel, rcond=None)
    rest = ((bytes_per_pixel - design @ found) ** 2).sum()
    spread = ((bytes_per_pixel - bytes_per_pixel.mean()) ** 2).sum()
    varies = spread > len(iterations) * (FLAT * bytes_per_pixel.mean()) ** 2
    r_squared = 1 - rest / spread if varies else math.nan
    return dict(zip(names, (float(found[0]), float(found[1]), float(r_squared)), strict=True))


def memory_cells(laws: pd.DataFrame) -> pd.DataFrame:
    """Return the laws as text, a column per heading."""
    rows = laws.to_dict("records")
    return pd.DataFrame(
        {
            "problem": [printable(row["problem"]) for row in rows],
            "layer": [printable(row["layer"]) or NONE for row in rows],
            "method": [str(row["legend"]) for row in rows],
            "bytes/pixel": [number(row["bytes_per_pixel"]) for row in rows],
            "bytes/pixel/iteration": [_slope(row["bytes_per_pixel_per_iteration"]) for row in rows],
            "R²": [f"{row['r_squared']:.4f}" if row["r_squared"] > -1 else NONE for row in rows],
            "sizes": [row["sizes"] for row in rows],
            "points": [str(row["points"]) for row in rows],
        },
        dtype="str",
    )


def _slope(value: float) -> str:
    return "0" if abs(value) < 0.05 else number(value)
