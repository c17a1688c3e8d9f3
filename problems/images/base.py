"""What an image source is: two disjoint lists of picture files, and seeded crops of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np

from bench.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

Part = Literal["train", "test"]
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ImageSource(ABC):
    """A source of clean pictures: which files it has, and how a picture is resized for crops."""

    @abstractmethod
    def split(self, channels: int) -> tuple[Sequence[Path], Sequence[Path]]:
        """The training and the test pictures, with none in both; raises UserError."""

    def fit(self, picture: Image.Image, size: int) -> Image.Image:
        """The picture that crops of `size` pixels are cut from; by default without a change."""
        return picture

    def crops(self, part: Part, count: int, size: int, channels: int, seed: int) -> np.ndarray:
        """`count` square crops as (count, channels, size, size) float32 in [0, 1].

        The pictures take turns, in an order that depends on the seed; training crops are also
        flipped and rotated by multiples of 90°. Raises UserError, naming the file, for a picture
        that cannot be read or is smaller than the crop.
        """
        random = np.random.default_rng(seed)
        files = self.split(channels)[0 if part == "train" else 1]
        order = random.permutation(len(files))
        crops = np.empty((count, channels, size, size), np.float32)
        # A few pictures are kept between their turns; many would only fill the memory.
        pixels = lru_cache(maxsize=32)(self._pixels)
        for index in range(count):
            picture = pixels(files[order[index % len(files)]], size, channels)
            crops[index] = _crop(picture, size, random, augment=part == "train")
        return crops

    def _pixels(self, path: Path, size: int, channels: int) -> np.ndarray:
        picture = self.fit(_read(path, channels), size)
        if min(picture.size) < size:
            width, height = picture.size
            raise UserError(f"{path}: {width}x{height} pixels, smaller than the crop ({size})")
        pixels = np.asarray(picture, np.float32) / 255
        return pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)


def _read(path: Path, channels: int) -> Image.Image:
    from PIL import Image

    try:
        with Image.open(path) as picture:
            if picture.mode.startswith(("I", "F")):  # `convert` would clip values above 8 bits
                raise UserError(f"{path}: has more than 8 bits per channel, which is not supported")
            return picture.convert("L" if channels == 1 else "RGB")
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise UserError(f"{path}: cannot be read as an image") from error


def _crop(picture: np.ndarray, size: int, random: np.random.Generator, augment: bool) -> np.ndarray:
    top = random.integers(picture.shape[1] - size + 1)
    left = random.integers(picture.shape[2] - size + 1)
    crop = picture[:, top : top + size, left : left + size]
    if augment:
        crop = np.rot90(crop, int(random.integers(4)), axes=(1, 2))
        crop = crop[:, :, ::-1] if random.integers(2) else crop
    return crop


def resize_short_side(picture: Image.Image, pixels: int) -> Image.Image:
    """The picture with a short side of `pixels`, in its own proportions; bicubic, antialiased."""
    from PIL.Image import Resampling

    width, height = (round(side * pixels / min(picture.size)) for side in picture.size)
    return picture.resize((width, height), Resampling.BICUBIC)


def list_images(folder: Path, recursive: bool) -> list[Path]:
    """The image files of a folder, sorted by name; UserError if there is no folder or image."""
    if not folder.is_dir():
        raise UserError(f"images: no such folder: {str(folder)!r}")
    found = folder.rglob("*") if recursive else folder.iterdir()
    files = sorted(path for path in found if path.suffix.lower() in SUFFIXES and path.is_file())
    if not files:
        raise UserError(f"images: no image ({', '.join(SUFFIXES)}) in {str(folder)!r}")
    return files


def split_fraction(files: Sequence[Path], fraction: float) -> tuple[Sequence[Path], Sequence[Path]]:
    """The first `fraction` of the files for training, the rest for test; at least one each."""
    if len(files) < 2:
        raise UserError(
            f"images: {files[0]} is the only image, but training and test need one each"
        )
    cut = min(max(round(fraction * len(files)), 1), len(files) - 1)
    return files[:cut], files[cut:]
