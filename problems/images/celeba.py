"""Aligned CelebA faces from a local folder."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.registry import register_images
from problems.images.base import ImageSource, list_images, resize_short_side, split_fraction

if TYPE_CHECKING:
    from PIL import Image


@register_images("celeba")
@dataclass(frozen=True)
class CelebA(ImageSource):
    """CelebA faces from a folder of yours (img_align_celeba, at `path`), resized to the image size.

    Sorted by name, the first 80 % are for training, as in the seed paper (Liu, Tong, Zhao, 2024),
    the next 10 % for validation and the last 10 % for test. The short side is resized
    to the size of the problem; the crop is a square along the long side. In colour, unless
    `problem.channels=1` is set.
    """

    default_channels = 3

    path: str = "img_align_celeba"
    train_fraction: float = parameter(0.8, above=0, below=1)

    def split(self, channels: int) -> tuple[Sequence[Path], ...]:
        """The faces for training, validation and test."""
        files = list_images(Path(self.path).expanduser(), recursive=False)
        return split_fraction(files, self.train_fraction)

    def fit(self, picture: Image.Image, size: int) -> Image.Image:
        """The face, its short side resized to `size`."""
        return resize_short_side(picture, size)
