"""Real faces and photographs, where they are at hand."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.errors import UserError
from problems.images.base import PARTS, ImageSource
from problems.images.celeba import CelebA
from problems.images.folder import Folder
from tests.support.pictures import crops
from tests.support.real_images import real_images


def check_real_crops(source: ImageSource, channels: int) -> None:
    found = [path.resolve() for part in source.split(channels) for path in part]
    assert len(set(found)) == len(found)
    for part in PARTS:
        made = source.crops(part, 8, 32, channels, seed=0)
        assert made.shape == (8, channels, 32, 32)
        assert 0 <= made.min() < made.max() <= 1
        assert made.std(axis=(1, 2, 3)).mean() > 0.05  # pictures, not blanks
        assert len({crop.tobytes() for crop in made}) == 8


@pytest.mark.parametrize("channels", [1, 3])
def test_real_faces(channels: int) -> None:
    source = CelebA(path=str(real_images("celeba")))
    train, validation, test = source.split(channels)
    assert len(train) == round(0.8 * (len(train) + len(validation) + len(test)))
    assert max(train) < min(validation)
    assert max(validation) < min(test)
    check_real_crops(source, channels)


def test_real_photographs() -> None:
    check_real_crops(Folder(path=str(real_images("bsd"))), channels=1)


def test_a_damaged_real_face_is_named(tmp_path: Path) -> None:
    first, second, third = sorted(real_images("celeba").iterdir())[:3]
    shutil.copy(first, tmp_path / "1.jpg")
    shutil.copy(second, tmp_path / "2.jpg")
    (tmp_path / "3.jpg").write_bytes(third.read_bytes()[:2000])
    with pytest.raises(UserError, match=r"3\.jpg: cannot be read as an image"):
        crops(CelebA(path=str(tmp_path)), "test")
