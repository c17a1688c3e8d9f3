"""Super-resolution: the size of y, its brightness, and an image made from it."""

from __future__ import annotations

import pytest
import torch
from torch.nn.functional import avg_pool2d

from problems.images.natural import Natural
from problems.super_resolution import SuperResolution
from tests.support.parameters import validate

EVERY_FILTER = pytest.mark.parametrize("antialiasing", ["bicubic", "bilinear", "gaussian"])
EVERY_FACTOR = pytest.mark.parametrize("factor", [2, 4])


@EVERY_FILTER
@EVERY_FACTOR
def test_observation_is_smaller_and_as_bright(factor: int, antialiasing: str) -> None:
    problem = SuperResolution(channels=3, factor=factor, antialiasing=antialiasing, noise_sigma=0.0)
    physics, clean = problem.physics(), torch.full((2, 3, 32, 32), 0.7)
    observed = problem.observe(physics, clean, 0, "train_noise")
    assert observed.shape == (2, 3, 32 // factor, 32 // factor)
    assert torch.allclose(observed, torch.tensor(0.7), atol=1e-5)
    image = problem.as_image(physics, observed)
    assert image.shape == clean.shape
    assert torch.allclose(image, clean, atol=0.01)  # δ = 1 % of |AᵀA| costs at most 1 %


def test_image_made_from_an_observation_of_a_photograph_is_better_than_large_pixels() -> None:
    problem = SuperResolution(size=64)
    clean, physics = torch.from_numpy(Natural().crops("test", 4, 64, 1, seed=0)), problem.physics()
    image = problem.as_image(physics, problem.observe(physics, clean, 0, "train_noise"))
    blocks = avg_pool2d(clean, 2).repeat_interleave(2, -1).repeat_interleave(2, -2)
    errors = [float((each - clean).square().mean()) for each in (image, blocks)]
    assert errors[0] < 0.8 * errors[1]


def test_noise_has_the_size_of_the_observation() -> None:
    problem = SuperResolution(noise_sigma=0.1)
    drawn = problem.observe(problem.physics(), torch.zeros(200, 1, 32, 32), 0, "train_noise")
    assert float(drawn.std()) == pytest.approx(0.1, rel=0.02)


def test_operator_does_not_change_the_filter_between_precisions() -> None:
    problem, x = SuperResolution(), torch.rand(2, 1, 32, 32)
    double = problem.physics(dtype=torch.float64).A(x.double())
    assert torch.allclose(problem.physics().A(x).double(), double, atol=1e-6)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"factor": 3}, "^factor=3: must be 2 or 4"),
        ({"antialiasing": "bicubik"}, "^antialiasing=bicubik: did you mean 'bicubic'"),
        ({"size": 33}, "^size=33: must be a multiple of factor=2"),
    ],
)
def test_bad_parameter_is_refused_by_name(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        validate(SuperResolution(**values))  # type: ignore[arg-type]
