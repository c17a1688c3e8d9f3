"""The operator norm of a convolution, and convolutions of a given norm."""

from __future__ import annotations

from functools import lru_cache

import torch
import torch.nn.functional as functional
from torch import Tensor

ROUNDING = 100  # times the precision: what is left of a vector that is in a space already


def convolution_norm(weight: Tensor, height: int, width: int, iterations: int) -> Tensor:
    """The operator norm of a zero-padded convolution on height × width pixels, from below.

    weight: (F, C, k, k), k odd. Lanczos' method on WᵀW (Golub and Van Loan, "Matrix Computations",
    section 10.1), always from the same vector, so that the result depends on the weights alone. Its
    derivative in the weights is that of uᵀ W v with the singular vectors u and v held fixed.

    The norm of the filters reshaped to a matrix, which PyTorch's spectral_norm takes, is neither
    this norm nor a bound of it (Sedghi, Gupta, Long, "The Singular Values of Convolutional Layers",
    ICLR 2019).
    """
    padding = weight.shape[-1] // 2
    v = _leading_vector(weight.detach(), height, width, iterations)
    image = functional.conv2d(v, weight, padding=padding)
    u = _unit(image.detach())
    norm: Tensor = (u * image).sum()
    return norm


@torch.no_grad()
def _leading_vector(weight: Tensor, height: int, width: int, iterations: int) -> Tensor:
    """The unit vector (1, C, H, W) with the largest |W v| in a Krylov space of WᵀW."""
    padding = weight.shape[-1] // 2
    basis = [_unit(_first_vector(weight.shape[1], height, width).to(weight))]
    images = [functional.conv2d(basis[0], weight, padding=padding)]
    for _ in range(iterations):
        product = functional.conv_transpose2d(images[-1], weight, padding=padding)
        vector = product
        for _ in range(2):  # once is not enough where the vector nearly vanishes
            for known in basis:
                vector = vector - (known * vector).sum() * known
        # Where the space is exhausted, rounding is all that is left: zero adds nothing to it.
        is_new = vector.norm() > ROUNDING * torch.finfo(weight.dtype).eps * product.norm()
        basis.append(_unit(vector * is_new))
        images.append(functional.conv2d(basis[-1], weight, padding=padding))
    rows = torch.cat(images).flatten(1)
    gram = (rows @ rows.T).double().cpu()
    if not gram.isfinite().all():  # weights that diverged: their loss says so, eigh would raise
        return torch.full_like(basis[0], torch.nan)
    _, combinations = torch.linalg.eigh(gram)
    combination = combinations[:, -1].to(weight).view(-1, 1, 1, 1)
    return _unit((combination * torch.cat(basis)).sum(0, keepdim=True))


def with_norm(weight: Tensor, norm: float, height: int, width: int, iterations: int) -> Tensor:
    """The filters of the same convolution scaled to this operator norm; zero stays zero."""
    tiny = torch.finfo(weight.dtype).tiny
    return weight * (norm / convolution_norm(weight, height, width, iterations).clamp_min(tiny))


@lru_cache(maxsize=64)
def _first_vector(channels: int, height: int, width: int) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(1, channels, height, width, generator=generator)


def _unit(vector: Tensor) -> Tensor:
    unit: Tensor = vector / vector.norm().clamp_min(torch.finfo(vector.dtype).tiny)
    return unit
