"""The blur A of each problem: its kernel, its adjoint, its norm, and what it does to an image."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from problems.base import DeblurringProblem
from problems.gaussian import GaussianBlur
from problems.motion import MotionBlur
from tests.support.parameters import validate

KINDS = (GaussianBlur, MotionBlur)
PROBLEMS = [
    kind(size=size, channels=channels)
    for kind, size, channels in itertools.product(KINDS, (16, 33, 64), (1, 3))
]


def label(problem: DeblurringProblem) -> str:
    return f"{type(problem).__name__}-{problem.size}-{problem.channels}"


every_problem = pytest.mark.parametrize("problem", PROBLEMS, ids=label)
every_kind = pytest.mark.parametrize("kind", KINDS)


def operator(problem: DeblurringProblem) -> Any:
    return problem.physics(dtype=torch.float64)


def images(problem: DeblurringProblem, seed: int) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    shape = (2, problem.channels, problem.size, problem.size)
    return torch.randn(shape, generator=generator, dtype=torch.float64)


def frequency_response(problem: DeblurringProblem) -> np.ndarray[Any, Any]:
    kernel = problem.kernel().double().numpy()[0, 0]
    return np.fft.fft2(kernel, s=(problem.size, problem.size))


def circular_convolution(image: Tensor, kernel: Tensor) -> np.ndarray[Any, Any]:
    """Σ k[a, b] x[· - (a - c), · - (b - c)] with the centre c of the kernel, term by term."""
    weights, pixels = kernel.double().numpy()[0, 0], image.numpy()
    centre = len(weights) // 2
    return sum(
        weights[a, b] * np.roll(pixels, (a - centre, b - centre), (-2, -1))
        for a, b in np.ndindex(weights.shape)
    )


@every_problem
def test_adjoint_is_the_transpose(problem: DeblurringProblem) -> None:
    physics, x, u = operator(problem), images(problem, 0), images(problem, 1)
    forward, backward = (physics.A(x) * u).sum(), (x * physics.A_adjoint(u)).sum()
    assert float(forward) == pytest.approx(float(backward), abs=1e-10)


@every_problem
def test_norm_is_the_largest_frequency_response_and_at_most_one(
    problem: DeblurringProblem,
) -> None:
    physics = operator(problem)
    x = 1 + 0.1 * images(problem, 0)[:1]  # near the constant image, where a blur has its norm
    for _ in range(50):
        x = physics.A_adjoint(physics.A(x))
        x = x / x.norm()
    norm = float(physics.A(x).norm())
    assert norm <= 1 + 1e-6
    assert norm == pytest.approx(np.abs(frequency_response(problem)).max(), abs=1e-6)


@every_problem
def test_no_image_gains_energy(problem: DeblurringProblem) -> None:
    # By every frequency at once: the power iteration above starts near one of them.
    physics, x = operator(problem), images(problem, 2)
    response = np.abs(frequency_response(problem))
    spectrum = np.fft.fft2(physics.A(x).numpy())
    np.testing.assert_allclose(np.abs(spectrum), response * np.abs(np.fft.fft2(x)), atol=1e-9)
    assert response.max() <= 1 + 1e-6


@every_problem
def test_operator_is_the_circular_convolution_with_the_kernel(problem: DeblurringProblem) -> None:
    x = images(problem, 0)
    expected = circular_convolution(x, problem.kernel())
    np.testing.assert_allclose(operator(problem).A(x).numpy(), expected, atol=1e-12)


@every_problem
def test_constant_image_is_preserved(problem: DeblurringProblem) -> None:
    constant = torch.full_like(images(problem, 0), 0.7)
    torch.testing.assert_close(operator(problem).A(constant), constant, atol=1e-6, rtol=0)


@every_kind
def test_single_precision_operator_agrees_with_double(kind: type[DeblurringProblem]) -> None:
    problem = kind(channels=3)
    x = images(problem, 0)
    single = problem.physics().A(x.float())
    assert single.dtype == torch.float32
    torch.testing.assert_close(single.double(), operator(problem).A(x), atol=1e-5, rtol=0)


@every_kind
@pytest.mark.parametrize("kernel_size", [1, 5, 15])
def test_kernel_has_its_shape_no_negative_weight_and_sum_one(
    kind: type[DeblurringProblem], kernel_size: int
) -> None:
    kernel = kind(kernel_size=kernel_size).kernel()
    assert kernel.shape == (1, 1, kernel_size, kernel_size)
    assert kernel.dtype == torch.float32
    assert float(kernel.min()) >= 0
    assert float(kernel.double().sum()) == pytest.approx(1, abs=1e-6)


@every_kind
@pytest.mark.parametrize("channels", [1, 3])
def test_kernel_does_not_depend_on_size_and_channels(
    kind: type[DeblurringProblem], channels: int
) -> None:
    assert torch.equal(kind(size=64, channels=channels).kernel(), kind(size=16).kernel())


def test_motion_kernel_is_decided_by_its_seed_alone() -> None:
    torch.manual_seed(1)
    first = MotionBlur(kernel_seed=3).kernel()
    torch.manual_seed(2)
    assert torch.equal(first, MotionBlur(kernel_seed=3).kernel())
    assert float((first - MotionBlur(kernel_seed=4).kernel()).abs().max()) > 0.01


def test_making_a_kernel_leaves_the_global_generator_alone() -> None:
    before = torch.get_rng_state()
    MotionBlur().kernel()
    assert torch.equal(before, torch.get_rng_state())


def test_motion_kernel_is_no_single_point() -> None:
    radii = [rms_radius(MotionBlur(kernel_seed=seed).kernel()) for seed in range(20)]
    assert 1 < np.mean(radii) < 4  # "about 2 pixels" in its docstring


def test_extent_widens_the_motion_kernel() -> None:
    narrow, wide = (
        np.mean([rms_radius(MotionBlur(extent=e, kernel_seed=s).kernel()) for s in range(5)])
        for e in (0.1, 0.4)
    )
    assert wide > 1.5 * narrow


@pytest.mark.parametrize("blur_sigma", [0.8, 1.6, 2.0])
def test_gaussian_kernel_has_the_standard_deviation_asked_for(blur_sigma: float) -> None:
    kernel = GaussianBlur(kernel_size=15, blur_sigma=blur_sigma).kernel()[0, 0].double().numpy()
    offsets = np.arange(15) - 7
    for marginal in (kernel.sum(0), kernel.sum(1)):
        assert (marginal * offsets).sum() == pytest.approx(0, abs=1e-6)
        assert np.sqrt((marginal * offsets**2).sum()) == pytest.approx(blur_sigma, rel=2e-3)


def rms_radius(kernel: Tensor) -> float:
    weights = kernel[0, 0].double().numpy()
    rows, columns = np.indices(weights.shape)
    row, column = (rows * weights).sum(), (columns * weights).sum()
    return float(np.sqrt((((rows - row) ** 2 + (columns - column) ** 2) * weights).sum()))


NOT_A_NUMBER, INFINITY = float("nan"), float("inf")
OUT_OF_RANGE = [
    *((kind, "channels", value) for kind in KINDS for value in (0, 2, 4)),
    *((kind, "noise_sigma", value) for kind in KINDS for value in (-0.01, 1.5, NOT_A_NUMBER)),
    *((kind, "kernel_size", value) for kind in KINDS for value in (-3, 0, 4)),
    *((kind, "kernel_seed", -1) for kind in KINDS),
    *((kind, "kernels", value) for kind in KINDS for value in (-1, 0)),
    *((GaussianBlur, "blur_sigma", value) for value in (-1.0, 0.0, 1e-30, INFINITY, NOT_A_NUMBER)),
    *((MotionBlur, "smoothness", value) for value in (-1.0, 0.0, NOT_A_NUMBER)),
    *((MotionBlur, "extent", value) for value in (-1.0, 0.0, 3.0, INFINITY, NOT_A_NUMBER)),
]


@pytest.mark.parametrize(("kind", "name", "value"), OUT_OF_RANGE)
def test_bad_parameter_is_refused_by_name(
    kind: type[DeblurringProblem], name: str, value: float
) -> None:
    with pytest.raises(ValueError, match=rf"^{name}={value}: must be"):
        validate(kind(**{name: value}))


LIMITS = [
    GaussianBlur(channels=3, noise_sigma=0, kernel_size=1, blur_sigma=0.1),
    GaussianBlur(kernels=2, blur_sigma=0.1),
    GaussianBlur(noise_sigma=1, blur_sigma=100),
    MotionBlur(smoothness=0.01, extent=1),
]


@pytest.mark.parametrize("problem", LIMITS)
def test_parameters_at_their_limits_are_accepted_and_give_a_kernel(
    problem: DeblurringProblem,
) -> None:
    validate(problem)
    assert float(problem.for_seed(0).kernel().sum()) == pytest.approx(1, abs=1e-5)
