"""The Neumann series."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("neumann")
@dataclass(frozen=True)
class NeumannSeries(GradientMethod):
    """Neumann series: the inverse (I - Jᵀ)⁻¹ is replaced by `terms` terms of I + Jᵀ + (Jᵀ)² + ….

    terms=1 is jfb; terms → ∞ tends to ift. Source: Lorraine, Vicol, Duvenaud, "Optimizing Millions
    of Hyperparameters by Implicit Differentiation", AISTATS 2020, eq. (7).
    """

    budget = ("terms", (1, 2, 5, 10, 20, 50))

    terms: int = parameter(5, at_least=1)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), recorded once; the backward pass sums the series."""
        from methods.solvers.neumann import attach_neumann_gradient

        return attach_neumann_gradient(layer, forward(layer, z0), self.terms, damping=1.0)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """Σ (Jᵀ)ⁱ g for i < terms."""
        from methods.solvers.neumann import partial_sum

        return partial_sum(jacobian, cotangent, self.terms)
