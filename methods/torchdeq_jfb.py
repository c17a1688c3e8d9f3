"""torchdeq's Jacobian-free backpropagation."""

from __future__ import annotations

from dataclasses import dataclass

from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("torchdeq_jfb")
@dataclass(frozen=True)
class TorchdeqJacobianFree(GradientMethod):
    """torchdeq's own JFB: the inverse (I - J)⁻¹ in the exact gradient becomes the identity.

    This is `get_deq(grad=1, tau=1.0)`. In training the fixed point is torchdeq's too, with the
    solver, relative tolerance, limit and memory of `forward`; at test time it is the suite's.
    Source: Geng and Kolter, "TorchDEQ: A Library for Deep Equilibrium Models", 2023,
    arXiv:2310.18605.
    """

    library = "torchdeq"

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), as torchdeq records it."""
        from methods.libraries.torchdeq import torchdeq_fixed_point

        return torchdeq_fixed_point(layer, z0, forward, grad=1, tau=1.0)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """The cotangent itself."""
        return cotangent
