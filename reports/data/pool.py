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
from numpy.typing import NDArray

from bench.records import COMPLETED
from reports.data.grouping import WORKLOAD
from reports.stats.aggregate import Array
from reports.stats.profiles import best_times, reference_ratios
from reports.stats.ranks import Ranking, ranking

MOST_VALUES = 5_000_000
MOST_IMAGE_VALUES = 50_000_000  # 400 MB


@dataclass(frozen=True)
class TimeRatios:
    """Ratios of times to the target, (seeds, workloads) per trained method.

    inf: not reached; NaN: the run was not made, or there is nothing to compare with, which is so
    for `left_out` of the pairs of seed and workload.
    """

    of_method: dict[str, Array]
    left_out: int


@dataclass(frozen=True)
class Pool:
    """What is compared between methods, and over what.

    workloads: in the order of the arrays; gains: over observed (dB), (seeds, workloads) per method;
    image_gains: of each test image, (seeds, workloads, images), of methods whose runs have them;
    ratios: of the times to the target to that of the fastest; to_reference: to that of one method,
    of the same seed and workload; ranks: of the gains, over blocks that are each a `block`; None
    with fewer than two methods or blocks.
    """

    workloads: list[tuple[object, ...]]
    gains: dict[str, Array]
    image_gains: dict[str, Array]
    ratios: TimeRatios
    to_reference: TimeRatios
    block: str
    ranks: Ranking | None

    @classmethod
    def of(cls, runs: pd.DataFrame, images: Array, reference: str) -> Pool:
        """Gather labelled runs with their times; empty if these hardly share seeds or workloads.

        images: the gains of the test images (dB), (runs, images).
        """
        if _too_many(runs, 1, MOST_VALUES):
            return cls([], {}, {}, TimeRatios({}, 0), TimeRatios({}, 0), "workload", None)
        gained, times = gains(runs), reached_times(runs)
        block, ranks = _ranks(runs, gained)
        ratios = (
            time_ratios(times, best_times(times) if times else None),
            time_ratios(times, times.get(reference)),
        )
        workloads = list(runs[WORKLOAD].drop_duplicates().itertuples(index=False, name=None))
        return cls(workloads, gained, image_gains(runs, images), *ratios, block, ranks)

    @property
    def shape(self) -> tuple[int, int]:
        """The number of seeds and of workloads."""
        seeds, workloads = next(iter(self.gains.values())).shape
        return seeds, workloads

    def collapsed(self, method: str) -> Array:
        """Return the mean gain over workloads, (seeds, images), of seeds that have all of them."""
        return collapsed(self.image_gains.get(method, self.gains[method][:, :, None]))

    def differences(self, method: str, reference: str) -> Array:
        """Return by how much a method is better (dB), paired by seed and image; as `collapsed`."""
        return collapsed(self.paired(method, reference))

    def differences_on(self, method: str, reference: str, workload: tuple[object, ...]) -> Array:
        """Return the same on one workload alone, (seeds, images)."""
        at = self.workloads.index(workload)
        return collapsed(self.paired(method, reference)[:, at : at + 1])

    def paired(self, method: str, reference: str) -> Array:
        """Return the differences of two methods, (seeds, workloads, images).

        There is one image, the mean of all, where one of the methods has no images.
        """
        if {method, reference} <= self.image_gains.keys():
            return self.image_gains[method] - self.image_gains[reference]
        return (self.gains[method] - self.gains[reference])[:, :, None]


def collapsed(values: Array) -> Array:
    """Return the mean over workloads of (seeds, workloads, images), as (complete seeds, images).

    A workload without a value is left out, and an image that not every workload has; a seed is
    complete if it has all that is left. The mean over workloads comes first: the seeds and the
    images of the workloads are the same, so that their means are not independent.
    """
    there = np.isfinite(values)
    values = values[:, there.any(axis=(0, 2))]
    values = values[:, :, np.isfinite(values).any(axis=0).all(axis=0)]
    complete: Array = values[np.isfinite(values).all(axis=(1, 2))]
    if not values.shape[1]:
        return np.empty((0, 0))
    means: Array = complete.mean(axis=1)
    return means


def gains(runs: pd.DataFrame) -> dict[str, Array]:
    """Return the PSNR gain over observed (dB), (seeds, workloads) per method, of labelled runs."""
    gain = (runs["psnr"] - runs["psnr_observed"]).where(runs["status"] == COMPLETED)
    return _arrays(runs, gain.to_numpy(np.float64))


def image_gains(runs: pd.DataFrame, images: Array) -> dict[str, Array]:
    """Return the gains of each test image (dB), (seeds, workloads, images) per method with images.

    images: the gains, (runs, images), in the order of `runs`.
    """
    if not images.shape[1] or _too_many(runs, images.shape[1], MOST_IMAGE_VALUES):
        return {}
    done = (runs["status"] == COMPLETED).to_numpy()
    without = runs.loc[done & ~np.isfinite(images).any(axis=1), "legend"]
    kept = (~runs["legend"].isin(without)).to_numpy()
    return _arrays(runs, images, kept)


def reached_times(runs: pd.DataFrame) -> dict[str, Array]:
    """Return the times to the target (s), (seeds, workloads) per trained method; inf: never.

    Times of one seed and workload are compared with each other: where they are of machines with
    several fingerprints, they are NaN.
    """
    machines = runs["fingerprint"].mask(runs["fingerprint"] == "")
    alike = machines.groupby([runs[name] for name in (*WORKLOAD, "seed")]).transform("nunique") < 2
    known = (runs["status"] != "skipped") & (runs["reached"] >= 0)  # a time below 0 is none
    reached = runs["reached"].where(known & alike)
    arrays = _arrays(runs, reached.to_numpy(np.float64))
    trained = set(runs.loc[runs["reached"].notna(), "legend"])
    return {method: array for method, array in arrays.items() if method in trained}


def time_ratios(times: Mapping[str, Array], base: Array | None) -> TimeRatios:
    """Return the ratios of times, (seeds, workloads) per method, to the times `base`; {} of None.

    What has no finite base is left out: no method, or not the reference, reached the target.
    """
    if base is None:
        return TimeRatios({}, 0)
    kept, found = np.isfinite(base), {}
    for method, ratios in reference_ratios(times, base).of_method.items():
        whole = np.full(base.shape, math.nan)
        whole[kept] = ratios
        found[method] = np.where(np.isnan(times[method]), math.nan, whole)
    return TimeRatios(found, int((~kept).sum()))


def blocks(gained: Mapping[str, Array], made: Mapping[str, Array]) -> tuple[str, dict[str, Array]]:
    """Return what a block of a rank test is, and the scores of each method in them, (blocks,).

    Blocks are workloads, by the mean over their seeds: the seeds of a workload share its test
    images and are not independent. Only where there is a single workload are they its seeds. The
    mean is NaN if a run failed: it ranks its method last. made: 1 for a run that was made, else
    NaN. A run that was not made is no failure: the seeds are those that all methods made, and a
    block without one is left out.
    """
    everywhere: Array = np.stack(list(made.values())).sum(axis=0)
    common = np.isfinite(everywhere)
    if common.shape[1] < 2:
        return "seed", {method: each[common[:, 0], 0] for method, each in gained.items()}
    kept = common.any(axis=0)
    totals = {method: np.where(common, each, 0.0).sum(axis=0) for method, each in gained.items()}
    count = common.sum(axis=0)[kept]
    return "workload", {method: each[kept] / count for method, each in totals.items()}


def made(runs: pd.DataFrame) -> dict[str, Array]:
    """Return 1 where a run was made, completed or not, (seeds, workloads) per method; else NaN."""
    return _arrays(runs, np.where(runs["status"] == "skipped", np.nan, 1.0))


def _ranks(runs: pd.DataFrame, gained: Mapping[str, Array]) -> tuple[str, Ranking | None]:
    if len(gained) < 2:
        return "workload", None
    block, scores = blocks(gained, made(runs))
    enough = len(next(iter(scores.values()))) >= 2
    return block, ranking(scores) if enough else None


def _too_many(runs: pd.DataFrame, images: int, most: int) -> bool:
    """Whether a table of methods by seeds by workloads would be larger than any grid of runs."""
    sides = (runs["legend"].nunique(), runs["seed"].nunique(), runs.groupby(WORKLOAD).ngroups)
    return math.prod(sides) * images > most


def _arrays(
    runs: pd.DataFrame, values: Array, kept: NDArray[np.bool_] | None = None
) -> dict[str, Array]:
    """Return the values of runs, (runs,) or (runs, images), as (seeds, workloads[, images])."""
    workloads = pd.MultiIndex.from_frame(runs[WORKLOAD].drop_duplicates())
    columns = workloads.get_indexer(pd.MultiIndex.from_frame(runs[WORKLOAD]))
    seeds, rows = np.unique(runs["seed"], return_inverse=True)
    legends, arrays = runs["legend"].to_numpy(), {}
    for legend in dict.fromkeys(legends if kept is None else legends[kept]):
        own = legends == legend
        array = np.full((len(seeds), len(workloads), *values.shape[1:]), math.nan)
        array[rows[own], columns[own]] = values[own]
        arrays[str(legend)] = array
    return arrays
