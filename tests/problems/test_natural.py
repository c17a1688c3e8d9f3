"""The photographs of scikit-image, and the crops that every source cuts."""

from __future__ import annotations

import hashlib
import itertools
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from problems.images.base import PARTS, Part
from problems.images.natural import Natural
from tests.support.parameters import validate

Array = np.ndarray[Any, Any]
NATURAL = Natural()


def pictures(channels: int) -> list[Path]:
    return [path for part in NATURAL.split(channels) for path in part]


def read(path: Path, channels: int) -> Image.Image:
    with Image.open(path) as picture:
        return picture.convert("L" if channels == 1 else "RGB")


def fitted(path: Path, size: int, channels: int) -> Array:
    """The picture that crops are cut from, as (C, H, W)."""
    pixels = np.asarray(NATURAL.fit(read(path, channels), size), np.float32) / 255
    return pixels[None] if channels == 1 else pixels.transpose(2, 0, 1)


def holds(picture: Array, crop: Array) -> bool:
    """Whether the crop is found in the picture, pixel for pixel."""
    windows = np.lib.stride_tricks.sliding_window_view(picture, crop.shape)[0]
    corners = np.isclose(windows[..., 0, 0], crop[..., 0, 0], atol=1e-6).all(-1)
    return any(np.allclose(window, crop, atol=1e-6) for window in windows[corners])


def symmetries(crop: Array) -> list[Array]:
    turned = [np.rot90(crop, quarters, axes=(1, 2)) for quarters in range(4)]
    return [*turned, *(each[:, :, ::-1] for each in turned)]


@pytest.mark.parametrize(("channels", "counts"), [(1, [6, 2, 3]), (3, [3, 1, 1])])
def test_grey_problems_use_eleven_photographs_and_colour_ones_five(
    channels: int, counts: list[int]
) -> None:
    assert [len(part) for part in NATURAL.split(channels)] == counts
    assert all(path.is_file() for path in pictures(channels))


@pytest.mark.parametrize("channels", [1, 3])
def test_no_picture_is_in_two_parts(channels: int) -> None:
    named = [path.name for path in pictures(channels)]
    assert len(set(named)) == len(named)
    contents = [hashlib.sha256(read(path, 1).tobytes()).digest() for path in pictures(channels)]
    assert len(set(contents)) == len(contents)


def test_no_picture_is_another_view_of_one_in_another_part() -> None:
    def spectrum(path: Path) -> Array:
        small = np.asarray(read(path, 1).resize((32, 32)), np.float64)
        centred = small - small.mean()
        return np.fft.fft2(centred / np.linalg.norm(centred))

    for some, others in itertools.combinations(NATURAL.split(1), 2):
        for first, second in itertools.product(some, others):
            correlations = np.fft.ifft2(spectrum(first) * spectrum(second).conj()).real
            # At the best shift: 0.88 for the two views of the motorcycle, at most 0.51 here.
            assert correlations.max() < 0.7, (first.name, second.name)


def test_colour_problems_use_only_pictures_in_colour() -> None:
    for path in pictures(3):
        red, green, blue = fitted(path, 32, 3)
        assert max(abs(red - green).mean(), abs(green - blue).mean()) > 0.02, path.name


@pytest.mark.parametrize("size", [16, 33, 128, 512])
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("part", PARTS)
def test_crops_have_their_shape_and_range_at_every_size(
    size: int, channels: int, part: Part
) -> None:
    crops = NATURAL.crops(part, 6, size, channels, seed=0)
    assert crops.shape == (6, channels, size, size)
    assert crops.dtype == np.float32
    assert crops.min() >= 0
    assert crops.max() <= 1
    assert crops.max() > 0.5  # in [0, 1], and not in [0, 1/255]


@pytest.mark.parametrize("part", PARTS)
def test_crops_are_decided_by_their_seed_alone(part: Part) -> None:
    np.random.seed(1)  # the generators whose influence is excluded
    torch.manual_seed(1)
    first = NATURAL.crops(part, 6, 16, 1, seed=0)
    np.random.seed(2)
    torch.manual_seed(2)
    np.testing.assert_array_equal(first, NATURAL.crops(part, 6, 16, 1, seed=0))
    assert not np.array_equal(first, NATURAL.crops(part, 6, 16, 1, seed=1))


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_crop_that_judges_is_cut_from_a_picture_of_its_part_as_it_is(
    channels: int, part: Part
) -> None:
    split = zip(PARTS, NATURAL.split(channels), strict=True)
    found = {name: [fitted(path, 16, channels) for path in paths] for name, paths in split}
    for crop in NATURAL.crops(part, 10, 16, channels, seed=0):
        holding = {name for name in PARTS if any(holds(picture, crop) for picture in found[name])}
        assert holding == {part}


def test_a_training_crop_is_cut_from_a_training_picture_flipped_or_turned() -> None:
    train = [fitted(path, 16, 3) for path in NATURAL.split(3)[0]]
    found = []
    for crop in NATURAL.crops("train", 40, 16, 3, seed=0):
        ways = symmetries(crop)
        assert any(holds(picture, way) for picture in train for way in ways)
        found.append([any(holds(picture, way) for picture in train) for way in ways])
    assert np.any(found, axis=0).all()  # each of the eight ways occurs among the crops


@pytest.mark.parametrize("part", PARTS)
def test_pictures_take_turns(part: Part) -> None:
    paths = NATURAL.split(1)[PARTS.index(part)]
    crops = NATURAL.crops(part, len(paths), 16, 1, seed=0)
    for path in paths:
        picture = fitted(path, 16, 1)
        found = [any(holds(picture, way) for way in symmetries(crop)) for crop in crops]
        assert sum(found) == 1, path.name


def test_a_crop_shows_the_same_part_of_the_picture_at_every_size() -> None:
    for size, path in itertools.product((16, 32, 64), pictures(1)):
        assert min(fitted(path, size, 1).shape[1:]) == 4 * size


def test_a_picture_is_enlarged_only_where_it_is_smaller_than_the_crop() -> None:
    for path in pictures(1):
        short = min(read(path, 1).size)
        assert min(fitted(path, 256, 1).shape[1:]) == min(1024, max(short, 256))
        assert min(fitted(path, 512, 1).shape[1:]) == max(short, 512)


@pytest.mark.parametrize("field_of_view", [0.5, 0.0, float("inf"), float("nan")])
def test_bad_field_of_view_is_refused_by_name(field_of_view: float) -> None:
    with pytest.raises(ValueError, match=rf"^field_of_view={field_of_view}: must be"):
        validate(Natural(field_of_view))


def test_smallest_field_of_view_is_accepted_and_shows_the_whole_picture() -> None:
    whole = Natural(field_of_view=1.0)
    validate(whole)
    assert min(whole.fit(read(pictures(1)[0], 1), 64).size) == 64
