"""The parts of an image source of a plug-in: of three lists, or of two without validation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.errors import UserError
from problems.images.base import PARTS, ImageSource, Part, three_parts


@dataclass(frozen=True)
class Shades(ImageSource):
    """Lists of pictures, each of a single shade."""

    lists: tuple[tuple[Path, ...], ...] = ()

    def split(self, channels: int) -> tuple[Sequence[Path], ...]:
        return self.lists


def shades(folder: Path, *counts: int) -> Shades:
    """Lists of so many pictures, whose shades are 0, 1, 2, … through all of them."""
    made = [folder / f"{shade:02}.png" for shade in range(sum(counts))]
    for shade, path in enumerate(made):
        Image.new("L", (16, 16), shade).save(path)
    pictures = iter(made)
    return Shades(tuple(tuple(next(pictures) for _ in range(count)) for count in counts))


def used(source: Shades, part: Part, count: int) -> set[int]:
    """The shades of the pictures that `count` crops are cut from."""
    crops = source.crops(part, count, 16, 1, seed=0)
    return {int(shade) for shade in np.rint(crops[:, 0, 0, 0] * 255)}


def test_each_of_three_lists_is_the_pictures_of_its_part(tmp_path: Path) -> None:
    source = shades(tmp_path, 4, 2, 3)
    assert [used(source, part, 8) for part in PARTS] == [{0, 1, 2, 3}, {4, 5}, {6, 7, 8}]


@pytest.mark.parametrize(("train", "held_out"), [(2, 1), (12, 1), (16, 2)])
def test_of_two_lists_the_end_of_the_first_is_for_validation(
    tmp_path: Path, train: int, held_out: int
) -> None:
    source, kept = shades(tmp_path, train, 2), train - held_out
    expected = [set(range(kept)), set(range(kept, train)), {train, train + 1}]
    assert [used(source, part, train) for part in PARTS] == expected


def test_a_single_training_picture_cannot_be_divided() -> None:
    with pytest.raises(UserError, match=r"found only one\.png for training"):
        three_parts([[Path("one.png")], [Path("two.png")]])


@pytest.mark.parametrize("count", [0, 1, 4])
def test_another_number_of_lists_is_refused(count: int) -> None:
    with pytest.raises(UserError, match=rf"split gives {count} lists, not 3: train, validation"):
        three_parts([[Path("one.png")]] * count)
