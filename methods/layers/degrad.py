"""The gradient-step layer."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.parameters import parameter
from bench.registry import register_layer
from methods.layers.base import DataTerm, Layer, Tensor


@register_layer("degrad")
@dataclass(frozen=True)
class GradientStep(Layer):
    """Gradient step: T(z) = z - η (Aᵀ(A z - y) + R_θ(z)), with a learned regulariser R_θ.

    η = step_size · 2 / (|AᵀA| + 2λ). With step_size <= 1, T contracts by the factor 1 - ηλ(1 - ρ).
    Source: DE-GRAD of Gilton, Ongie, Willett, "Deep Equilibrium Architectures for Inverse Problems
    in Imaging", IEEE TCI 2021, eq. (9); the layer of Liu, Tong, Zhao, 2024.
    """

    step_size: float = parameter(0.9, above=0, at_most=1)

    def apply(self, z: Tensor, denoised: Tensor, data: DataTerm, strength: Tensor) -> Tensor:
        """One gradient step from z."""
        step = self._step(data, strength)
        return z - step * (data.gradient(z) + strength * (z - denoised))

    def contraction_bound(self, data: DataTerm, strength: Tensor) -> Tensor:
        """1 - ηλ(1 - ρ)."""
        return 1 - self._step(data, strength) * strength * (1 - self.lipschitz)

    def _step(self, data: DataTerm, strength: Tensor) -> Tensor:
        return 2 * self.step_size / (data.square_norm + 2 * strength)
