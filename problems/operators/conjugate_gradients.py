"""Conjugate gradients, for each sample of a batch on its own."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

# Of the residual relative to r: near the rounding error of a product.
TOLERANCES = {torch.float32: 1e-6, torch.float64: 1e-12}
MOST_STEPS = 2000
ACCEPTED = 100  # times the tolerance, where the steps run out


def conjugate_gradients(product: Callable[[Tensor], Tensor], r: Tensor) -> Tensor:
    """x with M x = r, for r (N, ...) and product(x) = M x, symmetric and positive definite.

    A sample stops when its residual is below the tolerance of its precision, so that it does not
    depend on the others. What is not finite is returned as it is. RuntimeError if a residual is
    still above 100 times the tolerance after 2000 steps. Source: Hestenes and Stiefel, 1952.
    """
    tolerance = TOLERANCES.get(r.dtype, 1e-6)
    x, residual, direction = torch.zeros_like(r), r, r
    squares = _dots(residual, residual)
    limits = squares * tolerance**2
    for _ in range(MOST_STEPS):
        going = squares > limits  # false where a residual is zero, or no number
        if not going.any():
            return x
        image = product(direction)
        step = torch.where(going, squares / _dots(direction, image), 0)
        x, residual = x + step * direction, residual - step * image
        previous, squares = squares, _dots(residual, residual)
        direction = residual + torch.where(going, squares / previous, 0) * direction
    # NaN, of a sample that is zero or no number, is above no limit.
    worst = max((squares / limits).sqrt().flatten().tolist(), key=lambda ratio: ratio > ACCEPTED)
    if worst > ACCEPTED:
        raise RuntimeError(
            f"conjugate gradients: relative residual {worst * tolerance:.1e} after {MOST_STEPS} "
            "steps; the operator with its regularisation is too ill-conditioned"
        )
    return x


def _dots(first: Tensor, second: Tensor) -> Tensor:
    """The inner product of each sample, (N, 1, ...)."""
    return (first * second).flatten(1).sum(1).view(-1, *[1] * (first.ndim - 1))
