"""Jacobian-free backpropagation."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("jfb")
@dataclass(frozen=True)
class JacobianFreeBackpropagation(GradientMethod):
    """JFB: the inverse (I - J)⁻¹ in the exact gradient is replaced by the identity.

    dℓ/dθ ≈ (∂ℓ/∂z) ∂T/∂θ at z*. Source: Fung et al., "JFB: Jacobian-Free Backpropagation for
    Implicit Networks", AAAI 2022, eq. (9); used for deblurring by Liu, Tong, Zhao, 2024.
    """

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """One recorded application of T at z*."""
        return layer(forward(layer, z0))

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """The cotangent itself."""
        return cotangent
