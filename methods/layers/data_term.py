"""The data term f(z) = ½ |A z - y|²; what depends on y alone is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

    from problems.operators.normal import NormalOperator


class DataTerm:
    """Gradient and proximal map of f for a linear operator (a deepinv physics with its adjoint).

    observed: y, of any shape (N, ...). adjoint: Aᵀy, shaped as the images (N, C, H, W).
    square_norm: |AᵀA|, the largest squared singular value, where the SVD is known, else an upper
    bound that is at most 1 % above it.
    """

    def __init__(self, physics: Any, observed: Tensor) -> None:
        from problems.operators.normal import normal_operator

        self.physics = physics
        self.adjoint: Tensor = physics.A_adjoint(observed)
        self.normal: NormalOperator = normal_operator(physics, self.adjoint)
        self.square_norm: Tensor = self.normal.square_norm

    def gradient(self, z: Tensor) -> Tensor:
        """∇f(z) = Aᵀ(A z - y)."""
        return self.normal(z) - self.adjoint

    def proximal(self, z: Tensor, strength: Tensor | float) -> Tensor:
        """(AᵀA + λI)⁻¹ (Aᵀy + λ z): the minimiser of f(x) + λ/2 |x - z|²."""
        return self.normal.solve(self.adjoint + strength * z, strength)
