"""Test pictures larger than the images of training, by the same weights."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from PIL import Image

from bench.config.plain import from_plain
from bench.config.settings import RunConfig
from bench.measurement.models import build_model
from bench.measurement.pictures import judge_pictures
from bench.measurement.run import measure
from bench.records import RunRecord
from bench.registry import PROBLEMS
from problems.images.folder import Folder
from problems.images.natural import Natural
from problems.motion import MotionBlur
from tests.support.tiny_runs import TINY_TV, grid

pytestmark = pytest.mark.usefixtures("short_timings")
PICTURES = ("evaluate.pictures=2", "evaluate.picture_size=48", "evaluate.samples=1")


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IMPLICIT_BENCH_CACHE", str(tmp_path / "cache"))


def config_of(method: str, *overrides: str) -> RunConfig:
    (spec,) = grid(method, *PICTURES, *overrides)
    return replace(from_plain(spec.config), device="cpu")


@pytest.mark.parametrize("method", ["jfb", "unrolling", "dncnn"])
def test_a_picture_is_what_the_same_weights_make_of_it_in_a_model_of_its_size(method: str) -> None:
    config = config_of(method)
    problem = config.problem
    physics, larger = problem.physics(), replace(problem, size=48)
    model = build_model(config, physics)
    found = judge_pictures(model.reconstruct, config, physics)
    assert found.samples is not None
    other = build_model(replace(config, problem=larger), larger.physics())
    image = other.reconstruct(torch.from_numpy(found.samples.observed))
    torch.testing.assert_close(image, torch.from_numpy(found.samples.reconstruction))


def test_the_observed_picture_is_the_blurred_one_with_noise_of_its_own() -> None:
    config = config_of("jfb", "evaluate.samples=2")
    physics = config.problem.physics()
    found = judge_pictures(lambda observed: observed, config, physics).samples
    assert found is not None
    larger = replace(config.problem, size=48).physics()
    noise = torch.from_numpy(found.observed) - larger.A(torch.from_numpy(found.clean))
    assert noise.std().item() == pytest.approx(config.problem.noise_sigma, rel=0.05)
    assert torch.corrcoef(noise.flatten(1)).abs()[0, 1] < 0.1
    again = judge_pictures(lambda observed: observed, config, physics).samples
    assert again is not None
    np.testing.assert_array_equal(again.observed, found.observed)
    other = judge_pictures(lambda observed: observed, replace(config, seed=1), physics).samples
    assert other is not None
    assert not np.array_equal(other.observed, found.observed)


def test_the_operator_is_put_back_also_after_an_error() -> None:
    config = config_of("jfb")
    physics, image = config.problem.physics(), torch.rand(1, 1, 16, 16)
    before = physics.A(image)

    def fails(observed: torch.Tensor) -> torch.Tensor:
        raise RuntimeError("no")

    judge_pictures(lambda observed: observed, config, physics)
    with pytest.raises(RuntimeError):
        judge_pictures(fails, config, physics)
    torch.testing.assert_close(physics.A(image), before)


@pytest.mark.parametrize(
    ("method", "problem"),
    [("jfb", "motion"), ("dncnn", "super_resolution"), (TINY_TV, "inpainting")],
)
def test_pictures_change_nothing_else_of_a_run(method: str, problem: str) -> None:
    def made(pictures: int) -> RunRecord:
        config = config_of(method, f"evaluate.pictures={pictures}")
        return measure(replace(config, problem=PROBLEMS.get(problem)(size=16)))

    found, without = made(2), made(0)
    assert [row["height"] for row in found.pictures] == [48, 48]
    assert (without.pictures, without.picture_samples) == ([], None)
    for column in ("psnr", "ssim", "psnr_observed", "forward_statuses", "steps"):
        assert found.row.get(column) == without.row.get(column)


def test_whole_pictures_of_unlike_shapes_are_judged_and_none_is_kept(tmp_path: Path) -> None:
    for name, shape in {"a": (40, 40), "b": (40, 40), "c": (70, 50), "d": (33, 96)}.items():
        pixels = np.random.default_rng(0).integers(0, 255, (*shape[::-1], 1), np.uint8)
        Image.fromarray(pixels[..., 0]).save(tmp_path / f"{name}.png")
    folder = Folder(path=str(tmp_path), train_fraction=0.3)
    config = replace(config_of("unet", "evaluate.picture_size=0"), images=folder)
    record = measure(config)
    found = [(row["name"], row["height"], row["width"]) for row in record.pictures]
    assert found == [("c", 48, 64), ("d", 96, 32)]
    assert record.picture_samples is None


def test_a_picture_is_the_middle_square_resized() -> None:
    ((name, picture),) = Natural().pictures("test", 1, 128, 1)
    assert (name, picture.shape, picture.dtype) == ("rocket", (1, 128, 128), np.float32)
    assert picture.std() > 0.05


@dataclass(frozen=True)
class OneSize(MotionBlur):
    """A problem of a plug-in whose operator knows one size."""

    raises: ClassVar[bool] = True

    def physics_at(self, height: int, width: int, device: Any = "cpu") -> Any:
        if self.raises:
            raise ValueError("one size only")
        return None


@dataclass(frozen=True)
class NoOperator(OneSize):
    """Another, which says so."""

    raises = False


@pytest.mark.parametrize("problem", [OneSize, NoOperator])
def test_a_run_has_its_result_where_its_problem_has_one_size(
    problem: type[OneSize], capfd: pytest.CaptureFixture[str]
) -> None:
    config = config_of("jfb")
    own = problem(size=16, kernel_size=5)
    record = measure(replace(config, problem=own))
    assert (record.row["status"], record.pictures) == ("completed", [])
    assert ("no pictures: ValueError: one size only" in capfd.readouterr().err) == own.raises
