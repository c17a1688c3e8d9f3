"""Linear maps of known spectral radius, with their fixed points, for the tests of solvers."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

SIZE = 8
Map = Callable[[Tensor], Tensor]


def linear_maps(*radii: float, dtype: torch.dtype = torch.float64) -> tuple[Map, Tensor]:
    """f(z)ᵢ = Mᵢ zᵢ + bᵢ, Mᵢ not symmetric and of spectral radius radii[i]; its fixed points."""
    generator = torch.Generator().manual_seed(0)
    count = len(radii)
    basis = torch.randn(count, SIZE, SIZE, generator=generator, dtype=torch.float64)
    basis = torch.eye(SIZE, dtype=torch.float64) + 0.3 * torch.linalg.qr(basis).Q
    eigenvalues = torch.tensor(radii, dtype=torch.float64).view(-1, 1, 1) * torch.linspace(
        -0.6, 1, SIZE, dtype=torch.float64
    )
    matrices = (basis * eigenvalues) @ torch.linalg.inv(basis)
    offsets = torch.randn(count, SIZE, 1, generator=generator, dtype=torch.float64)
    solution = torch.linalg.solve(torch.eye(SIZE, dtype=torch.float64) - matrices, offsets)
    matrices, offsets, solution = (part.to(dtype) for part in (matrices, offsets, solution))
    return lambda z: (matrices @ z.view(count, SIZE, 1) + offsets).view_as(z), _images(solution)


def _images(vectors: Tensor) -> Tensor:
    return vectors.view(len(vectors), 1, 2, SIZE // 2)
