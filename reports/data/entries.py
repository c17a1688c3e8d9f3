"""The entries of a leaderboard: the methods of several results folders, and what may be compared.

An entry is a method on a workload in a folder. The quality of two entries is compared by the pairs
of one seed and test image. In two folders these are the same images only if the observed ones have
the same PSNR, which every record states. Times are compared on one machine only.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from reports.data.best import UNKNOWN, verdicts_on_times
from reports.data.dataset import Dataset
from reports.data.differences import Difference, difference
from reports.data.grouping import GROUP, WORKLOAD, completed
from reports.data.images import image_values
from reports.data.labels import with_labels, with_workloads
from reports.stats.aggregate import Array
from reports.stats.intervals import crossed_interval
from reports.stats.noise import Noise
from reports.stats.verdicts import BETTER, WORSE, together, verdict

MOST_ENTRIES = 60  # of a workload: 1,770 pairs
SAME_OBSERVED = 0.01  # dB, between two computations of one observed image
TIMES = {"step_seconds": "step", "reconstruct_seconds_per_image": "image"}


@dataclass(frozen=True)
class Entry:
    """A method on a workload in a folder.

    runs: all of them; psnr and observed (dB): of the completed runs, (seeds, images), in the order
    of `seeds`; a single column of means where a run has no images.
    """

    folder: str
    runs: pd.DataFrame
    seeds: tuple[int, ...]
    psnr: Array
    observed: Array

    @property
    def mean_psnr(self) -> float:
        """The mean over seeds and images (dB); NaN where no run completed."""
        return float(self.psnr.mean()) if self.psnr.size else math.nan

    @property
    def machine(self) -> tuple[object, ...]:
        """Fingerprint, device and threads; () where they are several, or unknown."""
        names = ["fingerprint", "device", "num_threads"]
        found = self.runs[names].drop_duplicates()
        known = len(found) == 1 and found["fingerprint"].iloc[0] != ""
        return tuple(found.iloc[0]) if known else ()

    def differences(self, other: Entry) -> Array:
        """Return by how much it is better (dB), paired by seed and image, (seeds, images).

        Empty where the test images are not the same.
        """
        common = sorted(set(self.seeds) & set(other.seeds))
        own, others = ([each.seeds.index(seed) for seed in common] for each in (self, other))
        if not common or self.psnr.shape[1] != other.psnr.shape[1]:
            return np.empty((0, 0))
        apart = np.abs(self.observed[own] - other.observed[others])
        if not (apart < SAME_OBSERVED).all():
            return np.empty((0, 0))
        pairs: Array = self.psnr[own] - other.psnr[others]
        return pairs


@dataclass(frozen=True)
class Ranks:
    """From which to which rank an entry can be, by the verdicts on it and every other entry.

    NaN where there is none: too few seeds, other test images, no completed run.
    """

    low: float = math.nan
    high: float = math.nan


def entries_of(folders: Mapping[str, Dataset]) -> list[list[Entry]]:
    """Return the entries of each workload, the best PSNR first; folders: by their names.

    Methods, problems and layers are named as in one folder: by the parameters in which they differ.
    """
    runs, psnr, observed = _together(folders)
    found = []
    for _, workload in runs.groupby(WORKLOAD, sort=False):
        groups = [group for _, group in workload.groupby([*GROUP, "folder"], sort=False)]
        each = [_entry(group, psnr, observed) for group in groups]
        found.append(sorted(each, key=_place))
    return found


def _place(entry: Entry) -> float:
    return -entry.mean_psnr if math.isfinite(entry.mean_psnr) else math.inf


def _together(folders: Mapping[str, Dataset]) -> tuple[pd.DataFrame, Array, Array]:
    """Return all runs, labelled, and for their `row` the PSNR of their images and observed ones."""
    parts, images = [], {"psnr": list[Array](), "psnr_observed": list[Array]()}
    for name, dataset in folders.items():
        runs = dataset.results.runs
        disturbed = dataset.runs.set_index("run_id")["disturbed"].reindex(runs["run_id"])
        parts.append(runs.assign(folder=name, disturbed=disturbed.to_numpy()))
        for column, arrays in images.items():
            arrays.append(image_values(runs, dataset.results.images, column))
    whole = pd.concat(parts, ignore_index=True)
    whole["row"] = np.arange(len(whole))
    whole["step_seconds"] = whole["train_seconds"] / whole["steps"].where(whole["steps"] > 0)
    psnr, observed = (_stacked(arrays) for arrays in images.values())
    return with_labels(with_workloads(whole)), psnr, observed


def _stacked(arrays: Sequence[Array]) -> Array:
    """Return arrays (runs, images) below each other; NaN for images that one of them lacks."""
    images = max(array.shape[1] for array in arrays)
    missing = ((0, images - array.shape[1]) for array in arrays)
    padded = (
        np.pad(array, ((0, 0), each), constant_values=np.nan)
        for array, each in zip(arrays, missing, strict=True)
    )
    return np.concatenate(list(padded))


def _entry(group: pd.DataFrame, psnr: Array, observed: Array) -> Entry:
    done = completed(group).drop_duplicates("seed")
    done = done[np.isfinite(done["psnr"])]
    own, before = psnr[done["row"]], observed[done["row"]]
    measured = np.isfinite(own).all(axis=0) & np.isfinite(before).all(axis=0)
    if measured.any():
        own, before = own[:, measured], before[:, measured]
    else:
        own, before = (done[[name]].to_numpy(np.float64) for name in ("psnr", "psnr_observed"))
    return Entry(str(group["folder"].iloc[0]), group, tuple(done["seed"]), own, before)


# -------------------------------------------------------------------------------------- quality


def ranks(entries: Sequence[Entry]) -> list[Ranks]:
    """Return the ranks of the entries of a workload, each right in 95 % of the cases.

    As the marginal confidence sets of Mogstad et al. (2024), Inference for Ranks: an entry is below
    another only where the verdict on their difference says so, and all verdicts on one entry hold
    together. Entries whose order is inconclusive share ranks; those that are compared with no other
    are not counted. All are unknown of more than MOST_ENTRIES.
    """
    count = len(entries)
    if count > MOST_ENTRIES:
        return [Ranks()] * count
    level = together(count - 1)
    above, below, known = ([0] * count for _ in range(3))
    for n, m in combinations(range(count), 2):
        values = entries[n].differences(entries[m])
        interval = crossed_interval(values)
        if not interval.known:
            continue
        known[n], known[m] = known[n] + 1, known[m] + 1
        found = verdict(interval, crossed_interval(values, level, symmetric=True), 0.0)
        if found in (BETTER, WORSE):
            better, worse = (n, m) if found == BETTER else (m, n)
            below[better] += 1
            above[worse] += 1
    places = sum(number > 0 for number in known)
    return [
        Ranks(1.0 + above[n], float(places - below[n])) if known[n] else Ranks()
        for n in range(count)
    ]


def differences_from(
    reference: str, entries: Sequence[Entry]
) -> Iterator[tuple[Entry | None, Difference | None]]:
    """Yield for each entry that of the reference in its folder, and the difference from it.

    The one with the same layer, or the only one. None where there is none, or it is the reference.
    """
    for entry in entries:
        own = [each for each in entries if each.folder == entry.folder]
        base = _reference(reference, entry, own)
        if base is None or base is entry:
            yield base, None
        else:
            yield base, difference(entry.differences(base), len(own) - 1)


def _reference(reference: str, entry: Entry, own: Sequence[Entry]) -> Entry | None:
    named = [each for each in own if each.runs["label"].iloc[0] == reference]
    layer = entry.runs["layer"].iloc[0]
    same_layer = [each for each in named if each.runs["layer"].iloc[0] == layer]
    found = same_layer or (named if len(named) == 1 and not layer else [])
    return found[0] if found else None


# ---------------------------------------------------------------------------------------- times


def verdicts_within_machines(
    column: str, entries: Sequence[Entry], folders: Mapping[str, Dataset]
) -> list[str]:
    """Return the verdict on the time of each entry against the fastest on the same machine.

    column: one of TIMES. "" for an entry without a time, or alone on its machine; UNKNOWN where the
    machine is not known.
    """
    found = [""] * len(entries)
    timed = [n for n, each in enumerate(entries) if math.isfinite(mean_time(each, column))]
    for machine in dict.fromkeys(entries[n].machine for n in timed):
        here = [n for n in timed if entries[n].machine == machine]
        if not machine:
            for n in here:
                found[n] = UNKNOWN
        elif len(here) > 1:
            own = [completed(entries[n].runs) for n in here]
            noise = _noise(TIMES[column], pd.concat(own), folders)
            averages = [mean_time(entries[n], column) for n in here]
            for n, each in zip(here, verdicts_on_times(averages, own, column, noise), strict=True):
                found[n] = each
    return found


def mean_time(entry: Entry, column: str) -> float:
    """Return the mean over completed runs (s); NaN if there is none."""
    return float(completed(entry.runs)[column].mean())


def _noise(measure: str, runs: pd.DataFrame, folders: Mapping[str, Dataset]) -> Noise:
    """Return the largest of the noises of the folders that count for these runs."""
    names = runs["folder"].unique()
    found = [folders[name].floor.noise_of(measure, runs) for name in names]
    return max((each for each in found if each.known), key=lambda each: each.floor, default=Noise())
