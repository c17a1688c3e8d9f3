"""A simple reconstruction from y, for any linear operator."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from problems.operators.normal import normal_operator

REGULARISATION = 0.01  # δ / |AᵀA|; the noise of y is enlarged at most 5 / |A| times


@torch.no_grad()
def regularised_inverse(physics: Any, observed: Tensor) -> Tensor:
    """(AᵀA + δI)⁻¹ Aᵀy for y (N, ...), with δ = 0.01 |AᵀA|; an image (N, C, H, W)."""
    adjoint = physics.A_adjoint(observed)
    normal = normal_operator(physics, adjoint)
    return normal.solve(adjoint, REGULARISATION * normal.square_norm)
