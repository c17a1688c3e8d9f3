"""deepinv's Jacobian-free backpropagation."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("deepinv_jfb")
@dataclass(frozen=True)
class DeepinvJacobianFree(GradientMethod):
    """deepinv's own JFB: the inverse (I - J)⁻¹ in the exact gradient becomes the identity.

    This is `BaseOptim` with `DEQConfig(jacobian_free=True)`. In training the fixed point is
    deepinv's too, with the solver, limit and memory of `forward` (it has no Broyden); it stops
    when the relative step, mean over the batch, is below the tolerance. At test time the fixed
    point is the suite's. Source: Tachella et al., "DeepInverse: A Python package for solving
    imaging inverse problems with deep learning", JOSS 2025.
    """

    library = "deepinv"

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), as deepinv records it."""
        from methods.libraries.deepinv import deepinv_fixed_point

        return deepinv_fixed_point(layer, z0, forward, jacobian_free=True)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """The cotangent itself."""
        return cotangent
