"""Any folder of images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.config.parameters import parameter
from bench.errors import UserError
from bench.registry import register_images
from problems.images.base import ImageSource, list_images, split_fraction


@register_images("folder")
@dataclass(frozen=True)
class Folder(ImageSource):
    """Random crops of the images in a folder of yours and its subfolders.

    Give `path`, whose images, sorted by path, are split by train_fraction (the first ones are for
    training), or both `train_path` and `test_path`.
    """

    path: str = ""
    train_path: str = ""
    test_path: str = ""
    train_fraction: float = parameter(0.8, above=0, below=1)

    def validate(self) -> None:
        """Raise ValueError unless either `path`, or both of the other two, are given."""
        explicit = bool(self.train_path) + bool(self.test_path)
        if bool(self.path) == bool(explicit) or explicit == 1:
            raise ValueError("give images.path, or images.train_path and images.test_path")

    def split(self, channels: int) -> tuple[Sequence[Path], Sequence[Path]]:
        """The training and the test images; UserError for a file that is in both."""
        if self.path:
            files = list_images(Path(self.path).expanduser(), recursive=True)
            return split_fraction(files, self.train_fraction)
        train, test = (
            list_images(Path(path).expanduser(), recursive=True)
            for path in (self.train_path, self.test_path)
        )
        both = {path.resolve() for path in train} & {path.resolve() for path in test}
        if both:
            raise UserError(f"images: {min(both)} is both a training and a test image")
        return train, test
