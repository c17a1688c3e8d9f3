"""Images of the user: which files are found, and the crops of them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from problems.images.base import ImageSource
from problems.images.celeba import CelebA
from problems.images.folder import Folder
from tests.support.pictures import make_image, make_images, names


def every_image(folder: Path) -> list[Path]:
    return [path for part in Folder(path=str(folder)).split(1) for path in part]


def test_images_are_found_in_nested_folders_and_sorted_by_path(tmp_path: Path) -> None:
    make_images(tmp_path, "z.png b/2.png b/1.png a/c/d.png")
    found = [str(path.relative_to(tmp_path)) for path in every_image(tmp_path)]
    assert found == ["a/c/d.png", "b/1.png", "b/2.png", "z.png"]


def test_images_are_known_by_their_suffix_in_either_case(tmp_path: Path) -> None:
    make_images(tmp_path, "a.PNG b.Jpg c.jpeg d.bmp e.TIFF f.webp")
    (tmp_path / "readme.txt").write_text("not an image")
    (tmp_path / "png").write_text("not an image either")
    (tmp_path / "folder.png").mkdir()
    found = [path.name for path in every_image(tmp_path)]
    assert found == ["a.PNG", "b.Jpg", "c.jpeg", "d.bmp", "e.TIFF", "f.webp"]


@pytest.mark.parametrize(
    ("fraction", "first", "second"),
    [(0.8, 3, 4), (0.6, 3, 4), (0.4, 2, 3), (0.2, 1, 3), (0.01, 1, 3), (0.99, 3, 4)],
)
def test_the_first_fraction_trains_and_the_rest_is_halved_with_an_image_in_each_part(
    tmp_path: Path, fraction: float, first: int, second: int
) -> None:
    expected = [path.name for path in make_images(tmp_path, "1.png 2.png 3.png 4.png 5.png")]
    split = Folder(path=str(tmp_path), train_fraction=fraction).split(1)
    assert names(split) == [expected[:first], expected[first:second], expected[second:]]


def test_explicit_folders_are_the_split(tmp_path: Path) -> None:
    make_images(tmp_path / "one", "c.png deep/a.png")
    make_images(tmp_path / "two", "b.png")
    make_images(tmp_path / "three", "e.png d.png")
    paths = {"train_path": "one", "test_path": "two", "validation_path": "three"}
    source = Folder(**{name: str(tmp_path / path) for name, path in paths.items()})  # type: ignore[arg-type]
    assert names(source.split(1)) == [["c.png", "a.png"], ["d.png", "e.png"], ["b.png"]]


@pytest.mark.parametrize(("count", "held_out"), [(2, 1), (9, 1), (20, 2), (26, 3)])
def test_without_a_folder_for_validation_the_last_tenth_of_the_training_images_is_held_out(
    tmp_path: Path, count: int, held_out: int
) -> None:
    made = [f"{number:02}.png" for number in range(count)]
    make_images(tmp_path / "one", " ".join(made))
    make_images(tmp_path / "two", "test.png")
    source = Folder(train_path=str(tmp_path / "one"), test_path=str(tmp_path / "two"))
    assert names(source.split(1)) == [made[:-held_out], made[-held_out:], ["test.png"]]


@pytest.mark.parametrize("source", [Folder(path="~/photos"), CelebA(path="~/photos")])
def test_a_path_may_begin_at_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: ImageSource
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    make_images(tmp_path / "photos", "1.png 2.png 3.png")
    assert names(source.split(1)) == [["1.png"], ["2.png"], ["3.png"]]


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "1", "LA"])
@pytest.mark.parametrize("channels", [1, 3])
def test_every_kind_of_picture_gives_grey_and_colour_crops(
    tmp_path: Path, mode: str, channels: int
) -> None:
    for name in ("1.png", "2.png", "3.png"):
        make_image(tmp_path / name, mode=mode)
    made = Folder(path=str(tmp_path)).crops("train", 3, 16, channels, seed=0)
    assert made.shape == (3, channels, 16, 16)
    assert made.dtype == np.float32
    assert 0 <= made.min() < 0.2 < 0.8 < made.max() <= 1


def test_crops_keep_the_pixels_of_the_file(tmp_path: Path) -> None:
    make_images(tmp_path, "1.png 2.png")
    path = make_image(tmp_path / "3.png", 16, 16)
    (crop,) = Folder(path=str(tmp_path)).crops("test", 1, 16, 3, seed=0)
    pixels = np.asarray(Image.open(path), np.float32) / 255
    np.testing.assert_array_equal(crop, pixels.transpose(2, 0, 1))


def test_crops_of_a_folder_are_decided_by_their_seed_alone(tmp_path: Path) -> None:
    make_images(tmp_path, "1.png 2.png 3.png")
    source = Folder(path=str(tmp_path))
    first = source.crops("train", 4, 16, 1, seed=0)
    np.random.seed(0)  # the generator whose influence is excluded
    np.testing.assert_array_equal(first, source.crops("train", 4, 16, 1, seed=0))
    assert not np.array_equal(first, source.crops("train", 4, 16, 1, seed=1))


def test_all_of_many_pictures_are_used(tmp_path: Path) -> None:
    for shade in range(80):  # each of a single shade, so that a crop tells its picture
        Image.new("L", (16, 16), shade).save(tmp_path / f"{shade:02}.png")
    made = Folder(path=str(tmp_path)).crops("train", 64, 16, 1, seed=0)
    assert sorted(np.rint(made[:, 0, 0, 0] * 255)) == list(range(64))
