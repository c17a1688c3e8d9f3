"""Small pictures, made for a test."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from problems.images.base import ImageSource, Part


def make_image(path: Path, width: int = 24, height: int = 20, mode: str = "RGB") -> Path:
    """Noise, another for each name, in an image file of the format of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(sum(path.name.encode()))
    pixels = random.integers(256, size=(height, width, 3), dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(path)
    return path


def make_images(folder: Path, names: str) -> list[Path]:
    return [make_image(folder / name) for name in names.split()]


def names(split: Sequence[Sequence[Path]]) -> list[list[str]]:
    return [[path.name for path in part] for part in split]


def crops(source: ImageSource, part: Part = "train", size: int = 16, channels: int = 1) -> object:
    return source.crops(part, 4, size, channels, seed=0)
