"""How exact the gradients of trained runs are, and whether that tells how well they end.

Methods are compared within a place: one problem, size and layer (its network included). A run knows
how far its own gradient is from the exact one if it was made with `gradient_pass`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.differences import Difference, difference
from reports.data.grouping import completed
from reports.data.pool import collapsed
from reports.stats.aggregate import Array
from reports.stats.intervals import Interval, mean_interval

EXACT = "ift"  # the method whose gradient is exact, but for the tolerances of its solves
PLACE = ["problem", "size", "layer"]


@dataclass(frozen=True)
class Point:
    """One method in one place; psnr: its difference from EXACT there, paired by seed and image.

    None of EXACT itself. angle: of its gradient to the exact one (degrees), a value per seed.
    """

    place: tuple[str, int, str]
    label: str
    runs: pd.DataFrame
    angle: Array
    psnr: Difference | None


@dataclass(frozen=True)
class Prediction:
    """What the angle says of the quality, over all pairs of methods in one place and of one seed.

    agreement: the share of the pairs in which the more exact gradient ended at the higher PSNR;
    slope: of PSNR on the cosine, within places (dB per unit). Both are means over seeds, with their
    intervals: of other seeds, for the same places and test images.
    """

    agreement: Interval
    slope: Interval
    pairs: int
    places: int


def measured(dataset: Dataset) -> pd.DataFrame:
    """Return the completed runs that know the error of their gradient."""
    runs = completed(dataset.runs)
    known: pd.DataFrame = runs[np.isfinite(runs["gradient_cosine"]) & np.isfinite(runs["psnr"])]
    return known


def points(dataset: Dataset) -> list[Point]:
    """Return a point for each method in each place, in reporting order."""
    places = [(place, runs) for place, runs in measured(dataset).groupby(PLACE, sort=False)]
    compared = sum(runs["label"].nunique() - 1 for _, runs in places if _exact(runs) is not None)
    return [
        Point(
            (str(problem), int(str(size)), str(layer)),
            str(label),
            group,
            np.degrees(np.arccos(np.clip(group["gradient_cosine"], -1, 1))).to_numpy(),
            _from_exact(dataset, group, _exact(runs), compared),
        )
        for (problem, size, layer), runs in places
        for label, group in runs.groupby("label", sort=False)
    ]


def overall(dataset: Dataset) -> dict[str, Difference]:
    """Return by method the difference in PSNR from EXACT, on average over the places of both.

    Paired by seed and test image; over the seeds that have every place.
    """
    runs = completed(dataset.runs)
    runs = runs[runs["layer"] != ""]
    seeds = sorted(set(runs["seed"]))
    pairs: dict[str, list[Array]] = {}
    for _, place in runs.groupby(PLACE, sort=False):
        exact = _exact(place)
        if exact is None:
            continue
        base = dataset.paired_by_seed(exact, seeds)
        for label, group in place.groupby("label", sort=False):
            if label != exact["label"].iloc[0]:
                pairs.setdefault(str(label), []).append(dataset.paired_by_seed(group, seeds) - base)
    return {
        label: difference(collapsed(np.stack(each, axis=1)), len(pairs))
        for label, each in pairs.items()
    }


def _exact(runs: pd.DataFrame) -> pd.DataFrame | None:
    """The runs of the exact method in one place, the first of its variants."""
    exact = runs[runs["method"] == EXACT]
    return None if exact.empty else exact[exact["label"] == exact["label"].iloc[0]]


def _from_exact(
    dataset: Dataset, group: pd.DataFrame, exact: pd.DataFrame | None, compared: int
) -> Difference | None:
    if exact is None or group["label"].iloc[0] == exact["label"].iloc[0]:
        return None
    seeds = sorted({*group["seed"], *exact["seed"]})
    mine, others = (dataset.paired_by_seed(each, seeds) for each in (group, exact))
    return difference(mine - others, compared)


def prediction(runs: pd.DataFrame) -> Prediction | None:
    """Return what the angle says of the quality of `measured` runs; None without a pair."""
    found = [_of_seed(each) for _, each in runs.groupby("seed")]
    seeds = [each for each in found if each.pairs]
    if not seeds:
        return None
    agreement = mean_interval(np.array([each.agreement for each in seeds]))
    most = max(each.places for each in seeds)
    return Prediction(
        agreement.map(lambda share: min(max(share, 0.0), 1.0)),
        mean_interval(np.array([each.slope for each in seeds])),
        sum(each.pairs for each in seeds),
        most,
    )


def above_or_below(difference: float) -> str:
    """Return a difference in words: `0.05 dB below`."""
    return f"{abs(difference):.2f} dB {'below' if difference < 0 else 'above'}"


def as_share(share: Interval) -> str:
    """Return a share with its interval: `58 % [40, 76]`."""
    bounds = f" [{100 * share.low:.0f}, {100 * share.high:.0f}]" if share.known else ""
    return f"{100 * share.estimate:.0f} %{bounds}"


@dataclass(frozen=True)
class _Seed:
    agreement: float
    slope: float
    pairs: int
    places: int


def _of_seed(runs: pd.DataFrame) -> _Seed:
    """Of one seed: a place with m methods has m(m - 1)/2 pairs."""
    products, squares, agreed, pairs, places = 0.0, 0.0, 0.0, 0, 0
    for cosines, psnrs in _several(runs):
        x, y = cosines - cosines.mean(), psnrs - psnrs.mean()
        products, squares, places = products + float(x @ y), squares + float(x @ x), places + 1
        for first, second in combinations(range(len(x)), 2):
            agreed += (1 + np.sign((x[first] - x[second]) * (y[first] - y[second]))) / 2
            pairs += 1
    share = agreed / pairs if pairs else math.nan
    return _Seed(share, products / squares if squares else math.nan, pairs, places)


def _several(runs: pd.DataFrame) -> Iterator[tuple[Array, Array]]:
    """The cosines and the PSNRs of each place with several methods."""
    for _, group in runs.groupby(PLACE, sort=False):
        if len(group) > 1:
            yield group["gradient_cosine"].to_numpy(), group["psnr"].to_numpy()
