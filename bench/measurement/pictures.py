"""The quality on test pictures larger than the images of training, with the same weights."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from bench.config.settings import RunConfig
from bench.measurement.evaluation import quality_of
from bench.records import Samples
from bench.records.model import Rows
from methods.base import Reconstruct
from problems.base import observed_image
from problems.seeds import derive_seed

NOISE = "picture_noise"


@dataclass(frozen=True)
class PictureJudgement:
    """What the record holds of it: a row for each picture, and the first few pictures."""

    pictures: Rows
    samples: Samples | None


def judge_pictures(reconstruct: Reconstruct, config: RunConfig, physics: Any) -> PictureJudgement:
    """Reconstruct the first `evaluate.pictures` of the test pictures, one at a time.

    physics: the operator that `reconstruct` was made with. The noise depends on the seed and the
    number of the picture alone. Square ones, which are of one size, are kept as samples. A problem
    that has no operator for the size of a picture, and a source without pictures, give none.
    """
    settings, problem = config.evaluate, config.problem
    given = getattr(config.images, "pictures", None)
    rows: Rows = []
    kept: list[tuple[Tensor, ...]] = []
    if given is None or not hasattr(problem, "physics_at"):
        return PictureJudgement(rows, None)
    chosen = given("test", settings.pictures, settings.picture_size, problem.channels)
    for number, (name, pixels) in enumerate(chosen):
        clean = torch.from_numpy(np.ascontiguousarray(pixels))[None].to(config.device)
        with _of_shape(problem, physics, clean) as is_possible:
            if not is_possible:
                continue
            stream = derive_seed(config.seed, NOISE) + number
            observed = problem.observe(physics, clean, stream, NOISE)
            with torch.no_grad():
                image = reconstruct(observed)
                shown = observed_image(problem, physics, observed)
        quality, before = quality_of(image, clean), quality_of(shown, clean)
        rows.append(
            {
                "picture": number,
                "name": name,
                "height": clean.shape[2],
                "width": clean.shape[3],
                "psnr": quality.mean_psnr,
                "ssim": quality.mean_ssim,
                "psnr_observed": before.mean_psnr,
            }
        )
        if settings.picture_size and number < settings.samples:
            kept.append((clean, shown, image, quality.psnr, before.psnr))
    return PictureJudgement(rows, _samples(kept))


def _samples(kept: list[tuple[Tensor, ...]]) -> Samples | None:
    if not kept:
        return None
    return Samples(*(torch.cat(each).cpu().numpy() for each in zip(*kept, strict=True)))


@contextmanager
def _of_shape(problem: Any, physics: Any, clean: Tensor) -> Iterator[bool]:
    """Let all that holds the operator have it for images of another shape; whether there is one.

    A trained layer, a tuned method and their parts hold this very object: its state is replaced by
    that of an operator of the same class, and put back.
    """
    other = problem.physics_at(*clean.shape[2:], clean.device)
    if type(other) is not type(physics):
        yield False
        return
    own = physics.__dict__
    physics.__dict__ = other.__dict__
    try:
        yield True
    finally:
        physics.__dict__ = own
