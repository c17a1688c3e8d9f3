from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from methods.networks.modules.spectral_norm import convolution_norm, with_norm


def filters(features: int, channels: int, seed: int = 0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(features, channels, 3, 3, generator=generator, dtype=torch.float64)


def dense(weight: Tensor, height: int, width: int) -> Tensor:
    """The matrix of the zero-padded convolution."""
    size = weight.shape[1] * height * width
    basis = torch.eye(size, dtype=weight.dtype).view(size, weight.shape[1], height, width)
    return functional.conv2d(basis, weight, padding=1).flatten(1).T


@pytest.mark.parametrize(("features", "channels"), [(1, 1), (4, 1), (1, 4), (3, 3)])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (5, 9)])
def test_norm_is_the_largest_singular_value(
    features: int, channels: int, height: int, width: int
) -> None:
    weight = filters(features, channels)
    expected = float(torch.linalg.matrix_norm(dense(weight, height, width), 2))
    found = [float(convolution_norm(weight, height, width, count)) for count in (2, 8, 60)]
    assert found[-1] == pytest.approx(expected, rel=1e-9)
    assert found == sorted(found)  # from below
    assert found[1] > 0.97 * expected


def test_norm_is_not_that_of_the_matrix_of_filters() -> None:
    weight = torch.ones(1, 1, 3, 3, dtype=torch.float64)
    of_matrix = float(torch.linalg.matrix_norm(weight.flatten(1), 2))
    assert of_matrix == pytest.approx(3.0)
    assert convolution_norm(weight, 32, 32, 60).item() == pytest.approx(8.9, abs=0.1)


def test_derivative_is_that_of_the_singular_value() -> None:
    weight = filters(2, 2).requires_grad_()
    direction = filters(2, 2, seed=1)
    (slope,) = torch.autograd.grad(convolution_norm(weight, 6, 6, 100), weight)
    step = 1e-6
    above, below = (
        float(torch.linalg.matrix_norm(dense(weight.detach() + sign * step * direction, 6, 6), 2))
        for sign in (1, -1)
    )
    expected = (above - below) / (2 * step)
    assert float((slope * direction).sum()) == pytest.approx(expected, rel=1e-5)


def test_filters_get_the_norm_and_zero_stays_zero() -> None:
    scaled = with_norm(filters(4, 4), 0.5, 8, 8, 60)
    assert float(torch.linalg.matrix_norm(dense(scaled, 8, 8), 2)) == pytest.approx(0.5, rel=1e-6)
    assert not with_norm(torch.zeros(2, 2, 3, 3), 1.0, 8, 8, 8).any()


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_weights_that_diverged_have_no_norm_and_raise_nothing(value: float) -> None:
    weight = torch.ones(2, 2, 3, 3)
    weight[0, 0, 0, 0] = value
    assert not with_norm(weight, 1.0, 8, 8, 4).isfinite().all()
