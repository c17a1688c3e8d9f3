"""A linear fixed point, whose gradient has a closed form."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor

from bench.contracts.cases import Bound, Case, Gradients
from methods.networks.implicit_layer import FixedPointMap

# The smallest and the largest eigenvalue. Most of "alternating" are negative, so that the inverse
# (I - J)⁻¹ shortens vectors.
SPECTRA = {"linear": (-0.5, 0.8), "slow_linear": (-0.5, 0.97), "alternating": (-0.9, 0.2)}
LINEAR_CASES = {name: max(-low, high) for name, (low, high) in SPECTRA.items()}  # spectral radii
SHAPE = torch.Size((1, 1, 3, 4))


@dataclass(frozen=True)
class LinearCase(Case):
    """z* = M z* + b; θ = (M, b), ℓ = ½ |z - t|²."""

    name: str
    matrix: Tensor
    offset: Tensor
    target: Tensor

    @property
    def inputs(self) -> Gradients:
        """M (n, n) and b (n,)."""
        return self.matrix, self.offset

    def condition(self) -> Bound:
        """The map z -> M z + b, and z = 0."""

        def function(z: Tensor) -> Tensor:
            return (self.matrix @ z.flatten() + self.offset).view_as(z)

        bound = torch.tensor(LINEAR_CASES[self.name])
        return FixedPointMap(function, bound), self.offset.new_zeros(SHAPE)

    def cotangent(self, z: Tensor) -> Tensor:
        """(z - t)."""
        return z - self.target.view_as(z)

    def moved(self, directions: Gradients, distance: float) -> LinearCase:
        """The same with θ + distance · directions."""
        moved = (v.detach() + distance * d for v, d in zip(self.inputs, directions, strict=True))
        matrix, offset = (value.requires_grad_() for value in moved)
        return replace(self, matrix=matrix, offset=offset)

    def solution(self) -> Tensor:
        """z* = (I - M)⁻¹ b, shaped as an image."""
        return (self._resolvent() @ self.offset.detach()).view(SHAPE)

    def adjoint(self) -> Tensor:
        """w = (I - Mᵀ)⁻¹ (z* - t), flat."""
        return self._resolvent().T @ self.cotangent(self.solution()).flatten()

    def gradients(self, w: Tensor) -> Gradients:
        """wᵀ ∂T/∂θ at z*: w z*ᵀ for M, w for b."""
        return torch.outer(w, self.solution().flatten()), w

    def _resolvent(self) -> Tensor:
        matrix = self.matrix.detach()
        identity = torch.eye(len(matrix), dtype=matrix.dtype)
        resolvent: Tensor = torch.linalg.inv(identity - matrix)
        return resolvent


@cache
def linear_case(name: str = "slow_linear") -> LinearCase:
    """Twelve pixels, and a matrix that is not normal, and so not symmetric."""
    generator = torch.Generator().manual_seed(3)
    size = SHAPE.numel()
    basis = torch.randn(size, size, generator=generator, dtype=torch.float64)
    basis = torch.eye(size, dtype=torch.float64) + 0.2 * basis / basis.norm(dim=0)
    smallest, largest = SPECTRA[name]
    radii = torch.linspace(largest, smallest, size, dtype=torch.float64)
    matrix = (basis * radii) @ torch.linalg.inv(basis)
    offset, target = torch.randn(2, size, generator=generator, dtype=torch.float64)
    return LinearCase(name, matrix.requires_grad_(), offset.requires_grad_(), target)
