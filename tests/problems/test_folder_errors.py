"""What is wrong with a folder of images is said, and the file is named."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from bench.errors import UserError
from problems.images.celeba import CelebA
from problems.images.folder import Folder
from tests.support.parameters import validate
from tests.support.pictures import crops, make_image, make_images


@pytest.mark.parametrize("kind", [Folder, CelebA])
def test_a_missing_folder_is_named(tmp_path: Path, kind: type[Folder | CelebA]) -> None:
    with pytest.raises(UserError, match=r"no such folder: '.*/nowhere'"):
        kind(path=str(tmp_path / "nowhere")).split(1)


@pytest.mark.parametrize("kind", [Folder, CelebA])
def test_a_file_in_the_place_of_a_folder_is_named(
    tmp_path: Path, kind: type[Folder | CelebA]
) -> None:
    with pytest.raises(UserError, match=r"no such folder: '.*/one\.png'"):
        kind(path=str(make_image(tmp_path / "one.png"))).split(1)


@pytest.mark.parametrize("kind", [Folder, CelebA])
def test_a_folder_without_images_is_named(tmp_path: Path, kind: type[Folder | CelebA]) -> None:
    (tmp_path / "notes.txt").write_text("nothing to see")
    with pytest.raises(UserError, match=rf"no image \(\.png, .*\) in '{tmp_path}'"):
        kind(path=str(tmp_path)).split(1)


def test_an_explicit_folder_without_images_is_named(tmp_path: Path) -> None:
    make_images(tmp_path / "one", "1.png")
    (tmp_path / "two").mkdir()
    with pytest.raises(UserError, match=r"no image .*/two'"):
        Folder(train_path=str(tmp_path / "one"), test_path=str(tmp_path / "two")).split(1)


@pytest.mark.parametrize("found", ["1.png", "1.png 2.png"])
@pytest.mark.parametrize("kind", [Folder, CelebA])
def test_fewer_images_than_parts_are_named(
    tmp_path: Path, kind: type[Folder | CelebA], found: str
) -> None:
    few = ", ".join(map(str, make_images(tmp_path, found)))
    with pytest.raises(UserError, match=f"found only {few}, but training, validation and test"):
        kind(path=str(tmp_path)).split(1)


def test_a_training_image_without_another_for_validation_is_named(tmp_path: Path) -> None:
    (alone,) = make_images(tmp_path / "one", "1.png")
    make_images(tmp_path / "two", "2.png")
    source = Folder(train_path=str(alone.parent), test_path=str(tmp_path / "two"))
    with pytest.raises(UserError, match=f"found only {alone} for training"):
        source.split(1)


def test_an_image_smaller_than_the_crop_is_named_with_both_sizes(tmp_path: Path) -> None:
    make_images(tmp_path, "1.png 2.png")
    small = make_image(tmp_path / "3.png", 40, 15)
    source = Folder(path=str(tmp_path))
    assert crops(source, "train") is not None
    with pytest.raises(UserError, match=rf"{small}: 40x15 pixels, smaller than the crop \(16\)"):
        crops(source, "test")


@pytest.mark.parametrize("kept", [0, 4, 40, 200, 1000])
def test_a_truncated_image_is_named(tmp_path: Path, kept: int) -> None:
    damaged, *_ = make_images(tmp_path, "1.png 2.png 3.png")
    damaged.write_bytes(damaged.read_bytes()[:kept])
    with pytest.raises(UserError, match=f"{damaged}: cannot be read as an image"):
        crops(Folder(path=str(tmp_path)))


def test_an_image_that_is_damaged_in_the_middle_is_named(tmp_path: Path) -> None:
    damaged = make_image(tmp_path / "1.png", 200, 200)
    make_images(tmp_path, "2.png 3.png")
    content = bytearray(damaged.read_bytes())
    content[content.rfind(b"IDAT")] = 0  # the name of its last block of pixels
    damaged.write_bytes(content)
    with pytest.raises(UserError, match=f"{damaged}: cannot be read as an image"):
        crops(Folder(path=str(tmp_path)))


def test_a_text_file_that_is_called_an_image_is_named(tmp_path: Path) -> None:
    text, *_ = make_images(tmp_path, "1.png 2.png 3.png")
    text.write_text("I am not a picture\n" * 20)
    with pytest.raises(UserError, match=f"{text}: cannot be read as an image"):
        crops(Folder(path=str(tmp_path)))


@pytest.mark.parametrize(("kind", "suffix"), [(np.uint16, "png"), (np.float32, "tif")])
def test_a_picture_of_more_than_8_bits_is_named(
    tmp_path: Path, kind: type[np.generic], suffix: str
) -> None:
    deep = tmp_path / f"0.{suffix}"  # as 8 bits, it would be white, or black
    Image.fromarray(np.ones((20, 20), kind)).save(deep)
    make_images(tmp_path, "1.png 2.png")
    with pytest.raises(UserError, match=f"{deep}: has more than 8 bits"):
        crops(Folder(path=str(tmp_path)))


@pytest.mark.parametrize("training", ["photos", "photos/deep"])
def test_an_image_for_both_training_and_test_is_named(tmp_path: Path, training: str) -> None:
    (shared,) = make_images(tmp_path / "photos/deep", "1.png")
    source = Folder(train_path=str(tmp_path / training), test_path=str(tmp_path / "photos"))
    with pytest.raises(UserError, match=f"{shared} is both a training and a test image"):
        source.split(1)


@pytest.mark.parametrize("other", ["training", "test"])
def test_an_image_for_both_validation_and_another_part_is_named(tmp_path: Path, other: str) -> None:
    train, test, validation = (tmp_path / part for part in ("training", "test", other))
    for folder in (train, test):
        make_images(folder, f"{folder.name}.png")
    source = Folder(train_path=str(train), test_path=str(test), validation_path=str(validation))
    shared = {"training": "a training and a validation", "test": "a validation and a test"}[other]
    with pytest.raises(UserError, match=f"{other}.png is both {shared} image"):
        source.split(1)


@pytest.mark.parametrize("linked", ["train_path", "test_path"])
def test_an_image_that_is_shared_by_a_link_is_refused(tmp_path: Path, linked: str) -> None:
    (original,) = make_images(tmp_path / "originals", "1.png")
    make_images(tmp_path / "links", "2.png")
    (tmp_path / "links/3.png").symlink_to(original)
    paths = dict.fromkeys(("train_path", "test_path"), str(tmp_path / "originals"))
    source = Folder(**{**paths, linked: str(tmp_path / "links")})
    with pytest.raises(UserError, match="both a training and a test image"):
        source.split(1)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"path": "a", "train_path": "b", "test_path": "c"},
        {"path": "a", "test_path": "c"},
        {"train_path": "b"},
        {"test_path": "c"},
        {"validation_path": "d"},
        {"path": "a", "validation_path": "d"},
        {"train_path": "b", "validation_path": "d"},
    ],
)
def test_a_folder_needs_one_path_or_the_two_others(given: dict[str, str]) -> None:
    with pytest.raises(ValueError, match=r"images\.path, or images\.train_path and images\.test"):
        validate(Folder(**given))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "source",
    [
        Folder(path="a"),
        Folder(train_path="b", test_path="c"),
        Folder(train_path="b", test_path="c", validation_path="d"),
    ],
)
def test_complete_paths_are_accepted(source: Folder) -> None:
    validate(source)


@pytest.mark.parametrize("fraction", [0.0, 1.0, -1.0, float("nan")])
@pytest.mark.parametrize("kind", [Folder, CelebA])
def test_a_bad_fraction_is_refused_by_name(kind: type[Folder | CelebA], fraction: float) -> None:
    with pytest.raises(ValueError, match=rf"^train_fraction={fraction}: must be"):
        validate(kind(path="a", train_fraction=fraction))
