"""What an image source is: three disjoint lists of picture files, and seeded crops of them."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal, get_args

import numpy as np

from bench.errors import UserError

if TYPE_CHECKING:
    from PIL import Image

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = get_args(Part)
MULTIPLE = 16  # pixels, in height and width of a whole picture
SUFFIXES = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")


@dataclass(frozen=True)
class ImageSource(ABC):
    """A source of clean pictures: which files it has, and how a picture is resized for crops.

    default_channels: the number of channels of a problem with these pictures, where nobody sets
    `problem.channels`; None for the problem's own default.
    """

    default_channels: ClassVar[int | None] = None

    @abstractmethod
    def split(self, channels: int) -> tuple[Sequence[Path], ...]:
        """The pictures for training, validation and test, with none in two of them.

        A source may also give two lists, for training and test: the pictures for validation are
        then the last tenth of those for training. Raises UserError.
        """

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
        files = three_parts(self.split(channels))[part]
        order = random.permutation(len(files))
        crops = np.empty((count, channels, size, size), np.float32)
        # A few pictures are kept between their turns; many would only fill the memory.
        pixels = lru_cache(maxsize=32)(self._pixels)
        for index in range(count):
            picture = pixels(files[order[index % len(files)]], size, channels)
            crops[index] = _crop(picture, size, random, augment=part == "train")
        return crops

    def pictures(
        self, part: Part, count: int, size: int, channels: int
    ) -> Iterator[tuple[str, np.ndarray]]:
        """The names of the first `count` pictures, and each as (channels, H, W) float32 in [0, 1].

        Their middle square, resized to `size` pixels; 0: the whole pictures as they are, but for
        what is above a multiple of 16 pixels in height and width, which is cut off: networks halve
        an image up to four times. Raises UserError for a picture that cannot be read.
        """
        for path in three_parts(self.split(channels))[part][:count]:
            picture = _read(path, channels)
            fitted = _square(picture, size) if size else _in_whole(picture)
            yield path.stem, _as_array(fitted, channels)

    def _pixels(self, path: Path, size: int, channels: int) -> np.ndarray:
        picture = self.fit(_read(path, channels), size)
        if min(picture.size) < size:
            width, height = picture.size
            raise UserError(f"{path}: {width}x{height} pixels, smaller than the crop ({size})")
        return _as_array(picture, channels)


def _as_array(picture: Image.Image, channels: int) -> np.ndarray:
    pixels = np.asarray(picture, np.float32) / 255
    return pixels.reshape(*pixels.shape[:2], channels).transpose(2, 0, 1)


def _square(picture: Image.Image, size: int) -> Image.Image:
    """The square in the middle of a picture, resized to `size` pixels; bicubic, antialiased."""
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) // 2, (height - side) // 2
    return resize_short_side(picture.crop((left, top, left + side, top + side)), size)


def _in_whole(picture: Image.Image) -> Image.Image:
    """A picture without the rows and columns above a multiple of MULTIPLE, at least one of it."""
    width, height = (max(side // MULTIPLE, 1) * MULTIPLE for side in picture.size)
    return picture.crop((0, 0, width, height))


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


def split_fraction(files: Sequence[Path], fraction: float) -> tuple[Sequence[Path], ...]:
    """The first `fraction` of the files for training, the rest in halves; at least one each.

    The first half of the rest is for validation, the second, which may have one more, for test.
    """
    if len(files) < 3:
        raise UserError(
            f"images: found only {', '.join(map(str, files))}, but training, validation and test "
            "need one each"
        )
    first = min(max(round(fraction * len(files)), 1), len(files) - 2)
    second = first + (len(files) - first) // 2
    return files[:first], files[first:second], files[second:]


def three_parts(lists: Sequence[Sequence[Path]]) -> dict[Part, Sequence[Path]]:
    """The pictures of each part, from what `split` gave: three lists, or two without validation.

    Raises UserError for another number of lists, and for one training picture without validation.
    """
    if len(lists) == 2:
        train, test = lists
        lists = (*hold_out(train), test)
    if len(lists) != len(PARTS):
        raise UserError(f"images: split gives {len(lists)} lists, not 3: {', '.join(PARTS)}")
    return dict(zip(PARTS, lists, strict=True))


def hold_out(train: Sequence[Path]) -> tuple[Sequence[Path], Sequence[Path]]:
    """Training pictures without their last tenth (at least one), and that tenth for validation."""
    if len(train) < 2:
        raise UserError(
            f"images: found only {', '.join(map(str, train))} for training, from which one image "
            "for validation has to be taken"
        )
    cut = len(train) - max(round(len(train) / 10), 1)
    return train[:cut], train[cut:]
