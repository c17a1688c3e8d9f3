"""The pictures of a page, observed and reconstructed, as PNG data."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from bench.errors import UserError
from bench.records import Samples
from reports.data.dataset import Dataset
from reports.data.grouping import WORKLOAD, completed
from reports.format import TIMES, printable

Rows = list[dict[str, Any]]
MOST_SETS, MOST_METHODS, MOST_PICTURES = 4, 16, 3
SEEDS_TRIED = 5


def gallery(dataset: Dataset) -> Rows:
    """The sets of pictures of a page: larger pictures and crops of each of the first workloads.

    A set has a title and pictures; a picture its clean and observed image and a reconstruction for
    each method, of one seed, with their PSNR in words. Empty where no run kept any.
    """
    kinds = (("pictures", dataset.results.picture_samples), ("crops", dataset.results.samples))
    found = (
        {"title": f"{printable(problem)}, {size}{TIMES}{size} px: {kind}", "pictures": pictures}
        for (problem, size), runs in completed(dataset.runs).groupby(WORKLOAD, sort=False)
        for kind, read in kinds
        if (pictures := _pictures(runs, read))
    )
    return [one for one, _ in zip(found, range(MOST_SETS), strict=False)]


def _pictures(runs: Any, read: Callable[[str], Samples | None]) -> Rows:
    """The pictures of the first seed that kept some."""
    for seed in sorted(runs["seed"].unique())[:SEEDS_TRIED]:
        own = runs[runs["seed"] == seed].drop_duplicates("legend")
        kept = dict(_kept(own, read))
        if kept:
            return _of_seed(kept)
    return []


def _kept(runs: Any, read: Callable[[str], Samples | None]) -> Iterator[tuple[str, Samples]]:
    for legend, run_id in zip(runs["legend"], runs["run_id"], strict=True):
        with suppress(UserError):  # changed since it was loaded: the page does without it
            samples = read(run_id)
            if samples is not None and len(samples.clean):
                yield legend, samples


def _of_seed(kept: dict[str, Samples]) -> Rows:
    first = next(iter(kept.values()))
    alike = {
        name: each
        for name, each in list(kept.items())[:MOST_METHODS]
        if np.array_equal(each.clean, first.clean)
    }
    contrast = first.clean.reshape(len(first.clean), -1).std(axis=1)
    chosen = np.argsort(-np.nan_to_num(contrast), kind="stable")[:MOST_PICTURES]
    return [
        {
            "clean": as_png(first.clean[at]),
            "observed": as_png(first.observed[at]),
            "observed_psnr": f"{first.psnr_observed[at]:.2f}",
            "methods": [
                {
                    "name": printable(name),
                    "image": as_png(each.reconstruction[at]),
                    "psnr": f"{each.psnr[at]:.2f}",
                }
                for name, each in alike.items()
            ],
        }
        for at in chosen
    ]


def as_png(image: np.ndarray[Any, Any]) -> str:
    """An image (C, H, W) in [0, 1] as the data of a PNG file, rounded to 8 bits, in base64."""
    from PIL import Image

    pixels = np.rint(255 * np.clip(np.nan_to_num(image), 0, 1)).astype(np.uint8)
    picture = Image.fromarray(pixels[0] if len(pixels) == 1 else np.moveaxis(pixels, 0, -1))
    file = io.BytesIO()
    picture.save(file, "PNG", optimize=True)
    return base64.b64encode(file.getvalue()).decode()
