"""The exact gradient, by the implicit function theorem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor

SOLVERS = ("gmres", "bicgstab", "normal_cg", "anderson", "broyden", "fixed_point")


@register_method("ift")
@dataclass(frozen=True)
class ImplicitFunctionTheorem(GradientMethod):
    """IFT, the exact gradient: solves (I - Jᵀ) w = ∂ℓ/∂z at the fixed point; dℓ/dθ = wᵀ ∂T/∂θ.

    solver: gmres, bicgstab, normal_cg (conjugate gradients on the normal equations), anderson,
    broyden or fixed_point; tolerance: of the residual of each sample, relative to ∂ℓ/∂z;
    max_iterations: products with J or Jᵀ at most; memory: directions (gmres) or iterates
    (anderson) that are kept. Source: Bai, Kolter, Koltun, "Deep Equilibrium Models", NeurIPS 2019,
    theorem 1.
    """

    budget = ("max_iterations", (1, 2, 5, 10, 20, 50))

    solver: str = parameter("gmres", one_of=SOLVERS)
    tolerance: float = parameter(1e-3, above=0)
    max_iterations: int = parameter(60, at_least=1)
    memory: int = parameter(10, at_least=1)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), recorded once; the backward pass solves the adjoint system."""
        from methods.solvers.adjoint import AdjointSolver, attach_implicit_gradient

        adjoint = AdjointSolver(self.solver, self.tolerance, self.max_iterations, self.memory)
        return attach_implicit_gradient(layer, forward(layer, z0), adjoint, forward.trace)

    def at_limit(self) -> Self:
        """The adjoint system solved to the precision of the numbers."""
        return replace(self, tolerance=1e-12, max_iterations=2000)
