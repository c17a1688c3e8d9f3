"""The final quality of a method, on the test images, which nothing else sees."""

from __future__ import annotations

from dataclasses import dataclass, replace

from torch import Tensor

from bench.measurement.evaluation import Quality, quality_of, reconstruct_all
from bench.records import Samples
from bench.records.model import Rows
from methods.base import Reconstruct
from problems.data import Pairs


@dataclass(frozen=True)
class Judgement:
    """What the record holds of it: columns of the row, a row for each image, a few images."""

    row: dict[str, object]
    images: Rows
    samples: Samples | None


def judge(reconstruct: Reconstruct, test: Pairs, as_image: Reconstruct, kept: int) -> Judgement:
    """Reconstruct each test image once; the first `kept` become the samples.

    as_image: makes of y the image that is shown, and judged, as the observed one.
    """
    images = reconstruct_all(reconstruct, test.observed)
    test = replace(test, observed=reconstruct_all(as_image, test.observed))
    quality, observed = quality_of(images, test.clean), quality_of(test.observed, test.clean)
    row: dict[str, object] = {
        "psnr": quality.mean_psnr,
        "ssim": quality.mean_ssim,
        "psnr_observed": observed.mean_psnr,
    }
    return Judgement(row, _rows(quality, observed), _samples(test, images, quality, observed, kept))


def _rows(quality: Quality, observed: Quality) -> Rows:
    columns = (quality.psnr, quality.ssim, observed.psnr)
    values = enumerate(zip(*(each.tolist() for each in columns), strict=True))
    names = ("psnr", "ssim", "psnr_observed")
    return [{"image": index, **dict(zip(names, each, strict=True))} for index, each in values]


def _samples(
    test: Pairs, images: Tensor, quality: Quality, observed: Quality, kept: int
) -> Samples | None:
    if kept == 0:
        return None
    pixels = (batch[:kept].cpu().numpy() for batch in (test.clean, test.observed, images))
    psnrs = (each.psnr[:kept].numpy() for each in (quality, observed))
    return Samples(*pixels, *psnrs)
