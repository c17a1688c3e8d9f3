from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest
import torch
from skimage.metrics import peak_signal_noise_ratio, structural_similarity
from torch import Tensor

from bench.measurement import evaluation
from bench.measurement.evaluation import (
    BATCH_SIZE,
    Quality,
    quality_of,
    reconstruct_all,
    seconds_per_image,
)


def images(channels: int, count: int = 3) -> tuple[Tensor, Tensor]:
    """Clean images, and ones with more and more noise, some of it outside [0, 1]."""
    generator = torch.Generator().manual_seed(0)
    clean = torch.rand(count, channels, 24, 24, generator=generator)
    sizes = torch.linspace(0.01, 0.3, count).view(-1, 1, 1, 1)
    return clean + sizes * torch.randn(clean.shape, generator=generator), clean


@pytest.mark.parametrize("channels", [1, 3])
def test_psnr_is_that_of_scikit_image(channels: int) -> None:
    """Up to the 1e-8 inside the logarithm that keeps it at 80 dB at most: 5e-4 dB at 40 dB."""
    noisy, clean = images(channels)
    expected = [
        peak_signal_noise_ratio(x, z, data_range=1)
        for x, z in zip(clean.double().numpy(), noisy.double().numpy(), strict=True)
    ]
    found = quality_of(noisy, clean)
    assert found.psnr.tolist() == pytest.approx(expected, abs=1e-3)
    assert found.mean_psnr == pytest.approx(np.mean(expected), abs=1e-3)


def test_psnr_by_hand() -> None:
    clean = torch.zeros(2, 1, 16, 16)
    noisy = clean + torch.tensor([0.1, 2.0]).view(2, 1, 1, 1)  # 2: not clipped to 1
    assert quality_of(noisy, clean).psnr.tolist() == pytest.approx([20.0, -6.0206], abs=1e-4)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_that_of_scikit_image(channels: int) -> None:
    """With the Gaussian window of Wang et al., its border left out."""
    noisy, clean = images(channels)
    expected = [
        structural_similarity(
            x,
            z,
            data_range=1,
            gaussian_weights=True,
            sigma=1.5,
            use_sample_covariance=False,
            channel_axis=0,
        )
        for x, z in zip(clean.double().numpy(), noisy.double().numpy(), strict=True)
    ]
    assert quality_of(noisy, clean).ssim.tolist() == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize("channels", [1, 3])
def test_ssim_is_that_of_its_definition(channels: int) -> None:
    """Wang et al., IEEE TIP 2004, equation 13 with K = (0.01, 0.03), where the window fits."""
    noisy, clean = images(channels)
    offsets = np.arange(-5, 6)
    weights = np.exp(-(offsets**2) / (2 * 1.5**2))
    window = np.outer(weights, weights) / weights.sum() ** 2
    shape = (11, 11)
    x, z = (
        np.lib.stride_tricks.sliding_window_view(batch.double().numpy(), shape, (2, 3))
        for batch in (clean, noisy)
    )

    def mean(values: np.ndarray) -> np.ndarray:
        return (values * window).sum((-2, -1))

    mx, mz = mean(x), mean(z)
    numerator = (2 * mx * mz + 1e-4) * (2 * (mean(x * z) - mx * mz) + 9e-4)
    variances = mean(x * x) - mx**2 + mean(z * z) - mz**2
    expected = (numerator / ((mx**2 + mz**2 + 1e-4) * (variances + 9e-4))).mean((1, 2, 3))
    assert quality_of(noisy, clean).ssim.tolist() == pytest.approx(expected.tolist(), abs=1e-9)


def test_quality_of_the_clean_image_is_perfect() -> None:
    _, clean = images(1)
    quality = quality_of(clean.clone(), clean)
    assert quality.ssim.tolist() == pytest.approx([1, 1, 1], abs=1e-6)
    assert quality.psnr.tolist() == pytest.approx([80, 80, 80])


def test_means_are_over_images() -> None:
    quality = Quality(torch.tensor([20.0, 40.0]), torch.tensor([0.5, 0.9]))
    assert (quality.mean_psnr, quality.mean_ssim) == (30.0, pytest.approx(0.7))


@pytest.mark.parametrize("count", [1, BATCH_SIZE, 2 * BATCH_SIZE + 3])
def test_reconstructions_come_in_order_from_bounded_batches(count: int) -> None:
    sizes: list[int] = []
    grad_modes: list[bool] = []

    def reconstruct(observed: Tensor) -> Tensor:
        sizes.append(len(observed))
        grad_modes.append(torch.is_grad_enabled())
        return 2 * observed

    observed = torch.arange(count, dtype=torch.float32).view(-1, 1, 1, 1)
    assert torch.equal(reconstruct_all(reconstruct, observed), 2 * observed)
    assert sum(sizes) == count
    assert max(sizes) <= BATCH_SIZE
    assert not any(grad_modes)


def test_seconds_per_image_is_the_median_over_one_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    durations = iter([0.09, 0.01, 0.03])
    now = [0.0]

    def reconstruct(observed: Tensor) -> Tensor:
        now[0] += next(durations)
        return observed

    monkeypatch.setattr(evaluation, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    observed = torch.zeros(BATCH_SIZE + 5, 1, 2, 2)
    assert seconds_per_image(reconstruct, observed, "cpu") == pytest.approx(0.03 / BATCH_SIZE)
    durations = iter([0.09, 0.01, 0.03])
    assert seconds_per_image(reconstruct, observed[:6], "cpu") == pytest.approx(0.03 / 6)
    durations = iter([7.0])  # a slow one is timed once
    assert seconds_per_image(reconstruct, observed, "cpu") == pytest.approx(7 / BATCH_SIZE)


def test_a_fast_reconstruction_is_repeated_for_a_tenth_of_a_second(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    durations = [0.02, 0.04] * 10  # 0.1 s are over after the fourth
    now, calls = [0.0], []

    def reconstruct(observed: Tensor) -> Tensor:
        now[0] += durations[len(calls)]
        calls.append(1)
        return observed

    monkeypatch.setattr(evaluation, "time", SimpleNamespace(perf_counter=lambda: now[0]))
    assert seconds_per_image(reconstruct, torch.zeros(2, 1, 2, 2), "cpu") == pytest.approx(0.015)
    assert len(calls) == 4
