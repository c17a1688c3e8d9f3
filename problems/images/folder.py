"""Any folder of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from bench.config.parameters import parameter
from bench.errors import UserError
from bench.registry import register_images
from problems.images.base import ImageSource, hold_out, list_images, split_fraction


@register_images("folder")
@dataclass(frozen=True)
class Folder(ImageSource):
    """Random crops of the images in a folder of yours and its subfolders.

    Give `path`, whose images, sorted by path, are split by train_fraction: the first ones are for
    training, the rest in halves for validation and test. Or give `train_path` and `test_path`,
    with `validation_path` or the last tenth of the training images for validation.
    """

    path: str = ""
    train_path: str = ""
    test_path: str = ""
    validation_path: str = ""
    train_fraction: float = parameter(0.8, above=0, below=1)

    def validate(self) -> None:
        """Raise ValueError unless either `path`, or the two that replace it, are given."""
        needed, replaced = (self.train_path, self.test_path), any(self._paths())
        if bool(self.path) == replaced or (replaced and not all(needed)):
            raise ValueError("give images.path, or images.train_path and images.test_path")

    def split(self, channels: int) -> tuple[Sequence[Path], ...]:
        """The images for training, validation and test; UserError for a file in two of them."""
        if self.path:
            return split_fraction(_images_in(self.path), self.train_fraction)
        train, validation, test = (_images_in(path) if path else [] for path in self._paths())
        _require_disjoint((train, validation, test))
        if not validation:
            return *hold_out(train), test
        return train, validation, test

    def _paths(self) -> tuple[str, str, str]:
        return self.train_path, self.validation_path, self.test_path


def _images_in(path: str) -> Sequence[Path]:
    return list_images(Path(path).expanduser(), recursive=True)


def _require_disjoint(lists: Sequence[Sequence[Path]]) -> None:
    """Raise UserError, naming the file, for one that is in two lists, be it under two names."""
    found = ({path.resolve() for path in files} for files in lists)
    named = zip(("training", "validation", "test"), found, strict=True)
    for (first, some), (second, others) in combinations(named, 2):
        if both := some & others:
            raise UserError(f"images: {min(both)} is both a {first} and a {second} image")
