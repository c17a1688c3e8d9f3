"""Faces of CelebA's size, made here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from problems.images.celeba import CelebA
from tests.support.pictures import make_image, names


def make_faces(folder: Path, count: int) -> list[str]:
    """Pictures of CelebA's size, dark at the left and bright at the right."""
    folder.mkdir()
    ramp = np.tile(np.linspace(0, 255, 178).astype(np.uint8), (218, 1))
    made = [f"{number:06}.jpg" for number in range(1, count + 1)]
    for name in reversed(made):  # so that the order of writing is not the order of the names
        Image.fromarray(ramp).convert("RGB").save(folder / name)
    return made


def test_four_fifths_of_the_faces_train_a_tenth_validates_and_a_tenth_tests(tmp_path: Path) -> None:
    made = make_faces(tmp_path / "faces", 10)
    make_image(tmp_path / "faces/other/1.png")  # only the folder itself is CelebA
    assert names(CelebA(path=str(tmp_path / "faces")).split(3)) == [made[:8], made[8:9], made[9:]]


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [16, 33, 178, 256])
def test_a_face_fills_the_crop_from_side_to_side(tmp_path: Path, channels: int, size: int) -> None:
    make_faces(tmp_path / "faces", 3)
    made = CelebA(path=str(tmp_path / "faces")).crops("test", 3, size, channels, seed=0)
    assert made.shape == (3, channels, size, size)
    assert made.dtype == np.float32
    assert made[..., 0].max() < 0.1
    assert made[..., -1].min() > 0.9
    middles = (np.arange(size) + 0.5) / size
    np.testing.assert_allclose(made.mean((0, 1, 2)), middles, atol=0.02)


@pytest.mark.parametrize(("width", "height"), [(178, 218), (218, 178), (333, 99), (50, 50)])
def test_a_face_keeps_its_shape_when_it_is_resized(width: int, height: int) -> None:
    resized = CelebA().fit(Image.new("L", (width, height)), 32)
    assert min(resized.size) == 32
    assert max(resized.size) == round(32 * max(width, height) / min(width, height))
