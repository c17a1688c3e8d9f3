"""The tuning of one positive parameter, on training images only."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

import torch
from scipy.optimize import minimize_scalar

if TYPE_CHECKING:
    from methods.base import Reconstruct, Setting

DECADE_TOLERANCE = 0.03  # of log₁₀: the parameter is found to about 7 %
# Pixels, colours counted, of all images that a value is tried on: 4 images of 512 × 512 in grey. A
# large crop shows more than a small one: with 4 of these, test PSNR was that of 8 to 0.001 dB (one
# seed), while half of the 32 images of 32 × 32 would change it by up to 0.1 dB.
MOST_PIXELS = 2**20
WORST = 1e3  # dB, the loss of a parameter with which the method diverges


@torch.no_grad()
def tune_on_training_images(
    reconstructor: Callable[[float], Reconstruct],
    bounds: tuple[float, float],
    setting: Setting,
    count: int,
) -> tuple[float, float]:
    """Maximise the mean PSNR over `count` training pairs, by Brent's method on log₁₀ in `bounds`.

    reconstructor(value): the map from y to x. Of large images fewer are used: as many as have
    MOST_PIXELS in all, but one at least. Returns the best value and the seconds of the search.
    """
    started = time.perf_counter()
    count = max(1, min(count, MOST_PIXELS // setting.train.clean[0].numel()))
    clean, observed = setting.train.clean[:count], setting.train.observed[:count]

    def loss(exponent: float) -> float:
        error = (reconstructor(10.0**exponent)(observed) - clean).square().flatten(1).mean(1)
        value = 10 * torch.log10(error).mean().item()
        return value if math.isfinite(value) else WORST

    decades, options = tuple(map(math.log10, bounds)), {"xatol": DECADE_TOLERANCE}
    found = minimize_scalar(loss, bounds=decades, method="bounded", options=options)
    return 10.0 ** float(found.x), time.perf_counter() - started
