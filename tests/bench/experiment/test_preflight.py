"""What is wrong with the images is said before the first run."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.errors import UserError
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.preflight import check_images
from bench.experiment.spec import RunSpec
from bench.plugins import load_builtins
from problems.images.base import PARTS, Part
from tests.support.pictures import make_images

load_builtins()


def specs(folder: Path, *overrides: str) -> list[RunSpec]:
    settings = ("images=folder", *(f"images.{part}_path={folder / part}" for part in PARTS))
    overrides = ("problem.kernel_size=5", *settings, *overrides)
    return build_grid(GridRequest("jfb", sizes="16", seeds="1", device="cpu", overrides=overrides))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for part in PARTS:
        make_images(tmp_path / part, f"{part}1.png {part}2.png")
    return tmp_path


def test_readable_images_are_accepted(folder: Path) -> None:
    check_images(specs(folder))


@pytest.mark.parametrize("part", PARTS)
def test_a_damaged_image_of_any_part_is_named(folder: Path, part: Part) -> None:
    (folder / part / f"{part}2.png").write_text("no picture")
    with pytest.raises(UserError, match=f"{part}2.png: cannot be read as an image"):
        check_images(specs(folder))


NEEDED = {
    "train": "train.crops",
    "validation": "evaluate.validation_images",
    "test": "evaluate.images",
}


@pytest.mark.parametrize("part", PARTS)
@pytest.mark.parametrize("count", [1, 2])
def test_no_more_images_are_read_than_a_run_needs(folder: Path, part: Part, count: int) -> None:
    given, refused = specs(folder, f"{NEEDED[part]}={count}"), 0
    for path in (folder / part).iterdir():
        intact = path.read_bytes()
        path.write_text("no picture")
        try:
            check_images(given)
        except UserError:
            refused += 1
        path.write_bytes(intact)
    assert refused == count


@pytest.mark.parametrize("path", ["x" * 300, "nothing", "file/below"])
def test_a_path_that_no_folder_can_have_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "file").touch()
    settings = ("images=folder", f"images.path={tmp_path / path}", "problem.kernel_size=5")
    grid = GridRequest("jfb", sizes="16", seeds="1", device="cpu", overrides=settings)
    with pytest.raises(UserError, match=rf"images: .*{tmp_path / path}"):
        check_images(build_grid(grid))
