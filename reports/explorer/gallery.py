"""The pictures of a page, observed and reconstructed, as many as it can hold."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import islice, product
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.records import Samples
from reports.data.dataset import Dataset
from reports.data.grouping import WORKLOAD, completed
from reports.explorer.images import image_data
from reports.format import TIMES, printable

Row = dict[str, Any]
Rows = list[Row]
MOST_SETS, MOST_METHODS, MOST_PICTURES = 4, 16, 3
MOST_BYTES = 200_000  # of all of them, encoded
SEEDS_TRIED = 5


def gallery(dataset: Dataset) -> Rows:
    """The sets of pictures of a page: larger pictures and crops of each of the first workloads.

    A set has a title and pictures; a picture its clean and observed image and a reconstruction for
    each method, of one seed, with their PSNR in words. Every set has one picture before any has
    two, until MOST_BYTES are used. Empty where no run kept any.
    """
    kinds = (("pictures", dataset.results.picture_samples), ("crops", dataset.results.samples))
    found = (
        (f"{printable(problem)}, {size}{TIMES}{size} px: {kind}", pictures)
        for (problem, size), runs in completed(dataset.runs).groupby(WORKLOAD, sort=False)
        for kind, read in kinds
        if (pictures := _pictures(runs, read))
    )
    sets = dict(islice(found, MOST_SETS))
    kept, left = {title: Rows() for title in sets}, MOST_BYTES
    for rank, (title, pictures) in product(range(MOST_PICTURES), sets.items()):
        picture = pictures[rank]() if rank < len(pictures) else None
        if picture is not None and (size := len(json.dumps(picture))) <= left:
            kept[title].append(picture)
            left -= size
    return [{"title": title, "pictures": some} for title, some in kept.items() if some]


def _pictures(runs: Any, read: Callable[[str], Samples | None]) -> list[Callable[[], Row]]:
    """The pictures of the seed of which most methods kept some, the lowest of those that tie."""
    best: dict[str, Samples] = {}
    for seed in sorted(runs["seed"].unique())[:SEEDS_TRIED]:
        own = runs[runs["seed"] == seed].drop_duplicates("legend")
        best = max(best, dict(_kept(own, read)), key=len)
        if len(best) == runs["legend"].nunique():
            break
    return _of_seed(best) if best else []


def _kept(runs: Any, read: Callable[[str], Samples | None]) -> Iterator[tuple[str, Samples]]:
    for legend, run_id in zip(runs["legend"], runs["run_id"], strict=True):
        with suppress(UserError):  # changed since it was loaded: the page does without it
            samples = read(run_id)
            if samples is not None and len(samples.clean):
                yield legend, samples


def _of_seed(kept: dict[str, Samples]) -> list[Callable[[], Row]]:
    """What makes each picture, those with the most contrast first."""
    first = next(iter(kept.values()))
    alike = {
        name: each
        for name, each in list(kept.items())[:MOST_METHODS]
        if np.array_equal(each.clean, first.clean)
    }
    contrast = first.clean.reshape(len(first.clean), -1).std(axis=1)
    chosen = np.argsort(-np.nan_to_num(contrast), kind="stable")[:MOST_PICTURES]
    return [partial(_picture, alike, int(at)) for at in chosen]


def _picture(alike: dict[str, Samples], at: int) -> Row:
    first = next(iter(alike.values()))
    return {
        "clean": image_data(first.clean[at]),
        "observed": image_data(first.observed[at]),
        "observed_psnr": f"{first.psnr_observed[at]:.2f}",
        "methods": [
            {
                "name": printable(name),
                "image": image_data(each.reconstruction[at]),
                "psnr": f"{each.psnr[at]:.2f}",
            }
            for name, each in alike.items()
        ],
    }
