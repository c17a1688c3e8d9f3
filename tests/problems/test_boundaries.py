"""What a blur sees beyond the image: each boundary against a convolution of the padded image."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from deepinv.physics import BlurFFT
from scipy.signal import convolve2d

from problems.base import BOUNDARIES, DeblurringProblem
from problems.gaussian import GaussianBlur
from problems.motion import MotionBlur
from problems.operators.normal import normal_operator
from tests.support.parameters import validate

# numpy's names for what lies beyond the image; nothing for "valid".
PADDINGS = {
    "circular": "wrap",
    "reflect": "reflect",
    "replicate": "edge",
    "constant": "constant",
    "valid": "",
}
EVERY_KIND = pytest.mark.parametrize("kind", [GaussianBlur, MotionBlur])


@EVERY_KIND
@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_blur_is_the_convolution_of_the_padded_image(
    kind: type[DeblurringProblem], boundary: str
) -> None:
    problem = kind(size=16, kernel_size=5, boundary=boundary)
    physics, kernel = problem.physics(dtype=torch.float64), problem.kernel().double()[0, 0].numpy()
    x = torch.rand(1, 1, 16, 16, dtype=torch.float64)
    mode = PADDINGS[boundary]
    padded = np.pad(x[0, 0].numpy(), 2, mode) if mode else x[0, 0].numpy()  # type: ignore[call-overload]
    expected = convolve2d(padded, kernel, mode="valid")
    np.testing.assert_allclose(physics.A(x)[0, 0].numpy(), expected, atol=1e-12)


@pytest.mark.parametrize("boundary", BOUNDARIES)
def test_a_constant_image_is_preserved_unless_black_lies_beyond(boundary: str) -> None:
    problem = MotionBlur(kernel_size=9, boundary=boundary)
    y = problem.physics().A(torch.full((1, 1, 32, 32), 0.7))
    assert y.shape[-1] == (24 if boundary == "valid" else 32)
    preserved = torch.allclose(y, torch.tensor(0.7), atol=1e-5)
    assert preserved == (boundary != "constant")


@EVERY_KIND
def test_the_default_is_circular_by_fourier_transform(kind: type[DeblurringProblem]) -> None:
    assert kind().boundary == "circular"
    assert isinstance(kind().physics(), BlurFFT)


def test_norm_exceeds_one_where_border_pixels_are_seen_more_than_once() -> None:
    x = torch.zeros(1, 1, 32, 32)
    bounds = {
        name: float(normal_operator(MotionBlur(boundary=name).physics(), x).square_norm)
        for name in BOUNDARIES
    }
    assert {name for name, bound in bounds.items() if bound > 1.0102} == {"reflect", "replicate"}


def test_each_seed_has_its_kernel_under_every_boundary() -> None:
    problem = MotionBlur(kernels=2, boundary="valid")
    assert problem.for_seed(1).boundary == "valid"
    with pytest.raises(ValueError, match="choose one with for_seed"):
        problem.physics()


def test_a_mistaken_boundary_gets_the_nearest() -> None:
    with pytest.raises(ValueError, match=r"^boundary=reflekt: did you mean 'reflect'"):
        validate(MotionBlur(boundary="reflekt"))
