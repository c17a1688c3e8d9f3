"""The data term f(z) = ½ |A z - y|²; what depends on y alone is computed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor


class DataTerm:
    """Gradient and proximal map of f for an operator whose SVD is known (deepinv's BlurFFT).

    observed: y (N, C, H, W). square_norm: |AᵀA|, the largest squared singular value.
    """

    def __init__(self, physics: Any, observed: Tensor) -> None:
        self.physics = physics
        self.adjoint: Tensor = physics.A_adjoint(observed)
        self.squares: Tensor = physics.mask**2
        self.square_norm: Tensor = self.squares.max()

    def gradient(self, z: Tensor) -> Tensor:
        """∇f(z) = Aᵀ(A z - y)."""
        normal: Tensor = self.physics.V(self.squares * self.physics.V_adjoint(z))
        return normal - self.adjoint

    def proximal(self, z: Tensor, strength: Tensor | float) -> Tensor:
        """(AᵀA + λI)⁻¹ (Aᵀy + λ z): the minimiser of f(x) + λ/2 |x - z|²."""
        right_hand_side = self.adjoint + strength * z
        spectrum = self.physics.V_adjoint(right_hand_side) / (self.squares + strength)
        solution: Tensor = self.physics.V(spectrum)
        return solution
