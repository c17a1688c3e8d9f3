"""The quality of reconstructions, and what they cost."""

from __future__ import annotations

import statistics
import time
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch import Tensor

from bench.measurement.clock import synchronise
from methods.base import Reconstruct
from problems.data import Pairs

BATCH_SIZE = 16
WINDOW_SIGMA, WINDOW_RADIUS = 1.5, 5  # pixels, of the window of SSIM
_C1, _C2 = 0.01**2, 0.03**2  # its constants, for the peak 1
REPEATS = 3  # at least, unless they take long
SHORTEST_SECONDS, PATIENCE_SECONDS = 0.1, 0.3  # of timing: at least, and until it is enough


@dataclass(frozen=True)
class Quality:
    """PSNR (dB, peak 1, not clipped, at most 80) and SSIM of each image (N,), in float64."""

    psnr: Tensor
    ssim: Tensor

    @property
    def mean_psnr(self) -> float:
        """The mean of the images' PSNR, in dB."""
        return float(self.psnr.mean())

    @property
    def mean_ssim(self) -> float:
        """The mean of the images' SSIM."""
        return float(self.ssim.mean())


@torch.no_grad()
def quality_of(images: Tensor, clean: Tensor) -> Quality:
    """PSNR and SSIM of images (N, C, H, W) against the clean ones."""
    from deepinv.loss.metric import PSNR

    return Quality(PSNR(max_pixel=1)(images, clean).double().cpu(), _ssim(images, clean))


def _ssim(images: Tensor, clean: Tensor) -> Tensor:
    """SSIM of each image (N,), as Wang et al. (2004) define it and scikit-image computes it.

    Gaussian window with standard deviation 1.5 (11 pixels wide), covariances without Bessel's
    correction, peak 1; the mean leaves out the 5 pixels at each border, where the window does not
    fit, and is over the channels of a colour image. The whole batch is filtered at once: image by
    image, the calls took longer than the sums.
    """
    x, z = images.double().cpu().numpy(), clean.double().cpu().numpy()
    mean_x, mean_z = _window_means(x), _window_means(z)
    variances = _window_means(x * x) - mean_x**2 + _window_means(z * z) - mean_z**2
    covariance = _window_means(x * z) - mean_x * mean_z
    numerator = (2 * mean_x * mean_z + _C1) * (2 * covariance + _C2)
    denominator = (mean_x**2 + mean_z**2 + _C1) * (variances + _C2)
    inside = slice(WINDOW_RADIUS, -WINDOW_RADIUS)
    ratio = (numerator / denominator)[..., inside, inside]
    return torch.from_numpy(ratio.mean(axis=(1, 2, 3)))


def _window_means(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The means over the window around each pixel of values (N, C, H, W)."""
    sigmas = (0, 0, WINDOW_SIGMA, WINDOW_SIGMA)
    means: NDArray[np.float64] = gaussian_filter(values, sigmas, radius=WINDOW_RADIUS)
    return means


@torch.no_grad()
def reconstruct_all(reconstruct: Reconstruct, observed: Tensor) -> Tensor:
    """The reconstructions of y (N, ...), in batches so that memory stays bounded."""
    return torch.cat([reconstruct(batch) for batch in observed.split(BATCH_SIZE)])


def quality_on(pairs: Pairs, reconstruct: Reconstruct) -> Quality:
    """The quality of the reconstructions of all pairs."""
    return quality_of(reconstruct_all(reconstruct, pairs.observed), pairs.clean)


def seconds_per_image(reconstruct: Reconstruct, observed: Tensor, device: str) -> float:
    """The median over repeats of the seconds that one image of a batch takes.

    What takes milliseconds is repeated for a tenth of a second, what takes long is timed once.
    """
    batch = observed[:BATCH_SIZE]
    times: list[float] = []
    while sum(times) < (PATIENCE_SECONDS if len(times) < REPEATS else SHORTEST_SECONDS):
        synchronise(device)
        started = time.perf_counter()
        reconstruct_all(reconstruct, batch)
        synchronise(device)
        times.append(time.perf_counter() - started)
    return statistics.median(times) / len(batch)
