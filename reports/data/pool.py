"""All methods over all workloads and seeds, as arrays (seeds, workloads): the shape of statistics.

The layer is part of a method's name where there are several. A value that is missing is NaN: a
run that was not made, or that failed.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.records import COMPLETED
from reports.data.grouping import WORKLOAD
from reports.stats.aggregate import Array
from reports.stats.profiles import Ratios, performance_ratios, reference_ratios
from reports.stats.ranks import Ranking, ranking

MOST_VALUES = 5_000_000


@dataclass(frozen=True)
class Pool:
    """What is compared between methods, and over what.

    gains: over observed (dB), (seeds, workloads) per method; ratios: of the median time to the
    target to that of the fastest, (workloads,) per trained method; to_reference: to that of one
    method; ranks: of the gains, over blocks that are each a `block`; None with fewer than two
    methods or blocks.
    """

    gains: dict[str, Array]
    ratios: Ratios
    to_reference: Ratios
    block: str
    ranks: Ranking | None

    @classmethod
    def of(cls, runs: pd.DataFrame, reference: str) -> Pool:
        """Gather labelled runs with their times; empty if these hardly share seeds or workloads."""
        if _too_many(runs):
            return cls({}, Ratios({}, 0), Ratios({}, 0), "workload", None)
        gained, times = gains(runs), medians(reached_times(runs))
        block, ranks = _ranks(gained)
        fixed = reference_ratios(times, reference) if reference in times else Ratios({}, 0)
        return cls(gained, performance_ratios(times), fixed, block, ranks)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of seeds and of workloads."""
        seeds, workloads = next(iter(self.gains.values())).shape
        return seeds, workloads


def gains(runs: pd.DataFrame) -> dict[str, Array]:
    """Return the PSNR gain over observed (dB), (seeds, workloads) per method, of labelled runs."""
    gain = (runs["psnr"] - runs["psnr_observed"]).where(runs["status"] == COMPLETED)
    return _arrays(runs.assign(value=gain))


def reached_times(runs: pd.DataFrame) -> dict[str, Array]:
    """Return the times to the target (s), (seeds, workloads) per trained method; inf: never."""
    reached = runs["reached"].where(runs["status"] != "skipped")
    arrays = _arrays(runs.assign(value=reached))
    return {method: array for method, array in arrays.items() if not np.isnan(array).all()}


def medians(arrays: Mapping[str, Array]) -> dict[str, Array]:
    """Return the median over seeds, (workloads,) per method; inf where half never reached it."""
    return {method: pd.DataFrame(each).median().to_numpy() for method, each in arrays.items()}


def blocks(arrays: Mapping[str, Array]) -> tuple[str, dict[str, Array]]:
    """Return what a block of a rank test is, and the scores of each method in them, (blocks,).

    Blocks are workloads, by the mean over their seeds: the seeds of a workload share its test
    images and are not independent. Only where there is a single workload are they its seeds. The
    mean is NaN if any seed is missing: a failed run ranks its method last in the workload.
    """
    workloads = next(iter(arrays.values())).shape[1]
    if workloads < 2:
        return "seed", {method: array[:, 0] for method, array in arrays.items()}
    return "workload", {
        method: np.array([float(each.mean()) for each in array.T])
        for method, array in arrays.items()
    }


def _ranks(gained: Mapping[str, Array]) -> tuple[str, Ranking | None]:
    if len(gained) < 2:
        return "workload", None
    block, scores = blocks(gained)
    enough = len(next(iter(scores.values()))) >= 2
    return block, ranking(scores) if enough else None


def _too_many(runs: pd.DataFrame) -> bool:
    """Whether a table of methods by seeds by workloads would be larger than any grid of runs."""
    sides = (runs["legend"].nunique(), runs["seed"].nunique(), runs.groupby(WORKLOAD).ngroups)
    return math.prod(sides) > MOST_VALUES


def _arrays(runs: pd.DataFrame) -> dict[str, Array]:
    workloads = pd.MultiIndex.from_frame(runs[WORKLOAD].drop_duplicates())
    columns = workloads.get_indexer(pd.MultiIndex.from_frame(runs[WORKLOAD]))
    seeds, rows = np.unique(runs["seed"], return_inverse=True)
    legends = dict.fromkeys(runs["legend"])
    arrays = {legend: np.full((len(seeds), len(workloads)), math.nan) for legend in legends}
    for legend, row, column, value in zip(
        runs["legend"], rows, columns, runs["value"], strict=True
    ):
        arrays[legend][row, column] = value
    return arrays
