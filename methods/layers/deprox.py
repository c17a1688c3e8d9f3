"""The proximal-step layer."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import register_layer
from methods.layers.base import DataTerm, Layer, Tensor


@register_layer("deprox")
@dataclass(frozen=True)
class ProximalStep(Layer):
    """Proximal step: T(z) minimises ½|A x - y|² + λ/2 |x - D_θ(z)|² over x; D_θ is learned.

    T contracts by the factor ρ. The other order of the two steps has the fixed points w = D_θ(z*);
    this order ends with the data term, so that ρ does not pull z* towards z₀. Source: the proximal
    layers of Gilton, Ongie, Willett, IEEE TCI 2021, with the half-quadratic splitting of Geman and
    Yang, 1995.
    """

    def apply(self, z: Tensor, denoised: Tensor, data: DataTerm, strength: Tensor) -> Tensor:
        """The proximal map of the data term at the denoised image."""
        return data.proximal(denoised, strength)

    def contraction_bound(self, data: DataTerm, strength: Tensor) -> Tensor:
        """ρ: the proximal map is non-expansive."""
        return strength.new_tensor(self.lipschitz)
