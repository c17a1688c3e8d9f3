"""Records as arrays (seeds, cells), the shape that statistics take.

A cell is a problem and size; the layer is part of a method's name where there are several. A value
that is missing is NaN: a run that was not made, or that failed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
import pandas as pd

from bench.records import COMPLETED
from reports.stats.aggregate import Array

CELL = ["problem", "size"]


def gains(runs: pd.DataFrame) -> dict[str, Array]:
    """Return the PSNR gain over observed (dB), (seeds, cells) per method, from labelled runs."""
    done = runs["status"] == COMPLETED
    gain = (runs["psnr"] - runs["psnr_observed"]).where(done)
    return _arrays(runs.assign(value=gain))


def times(runs: pd.DataFrame) -> dict[str, Array]:
    """Return the times to the target (s), (seeds, cells) per trained method; inf: never reached.

    `runs` is labelled and has the column `reached`, which is NaN for what does not train.
    """
    reached = runs["reached"].where(runs["status"] != "skipped")
    arrays = _arrays(runs.assign(value=reached))
    return {method: array for method, array in arrays.items() if not np.isnan(array).all()}


def cell_medians(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the median over seeds, (cells,) per method; inf where half never reached it."""
    return {
        method: np.array([_median(cell) for cell in array.T]) for method, array in arrays.items()
    }


def blocks(arrays: Mapping[str, Array]) -> tuple[str, dict[str, Array]]:
    """Return what a block of a rank test is, and the scores of each method in them, (blocks,).

    Blocks are cells, by the mean over their seeds: the seeds of a cell share its test images and
    are not independent. Only where there is a single cell are they its seeds.
    """
    cells = next(iter(arrays.values())).shape[1]
    if cells < 2:
        return "seed", {method: array[:, 0] for method, array in arrays.items()}
    return "cell", {
        method: np.array([_mean(cell) for cell in array.T]) for method, array in arrays.items()
    }


def _arrays(runs: pd.DataFrame) -> dict[str, Array]:
    cells = list(dict.fromkeys(zip(runs["problem"], runs["size"], strict=True)))
    seeds = sorted(set(runs["seed"]))
    shape = (len(seeds), len(cells))
    arrays = {legend: np.full(shape, math.nan) for legend in dict.fromkeys(runs["legend"])}
    row_of = {seed: at for at, seed in enumerate(seeds)}
    column_of = {cell: at for at, cell in enumerate(cells)}
    columns = ("legend", "seed", "problem", "size", "value")
    for legend, seed, problem, size, value in zip(*(runs[name] for name in columns), strict=True):
        arrays[legend][row_of[seed], column_of[problem, size]] = value
    return arrays


def _median(values: Array) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size else math.nan


def _mean(values: Array) -> float:
    """The mean, NaN if any seed is missing: a failed run ranks its method last in the cell."""
    return float(values.mean())
