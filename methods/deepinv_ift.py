"""deepinv's exact gradient, by the implicit function theorem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor

SOLVERS = ("anderson", "fixed_point")


@register_method("deepinv_ift")
@dataclass(frozen=True)
class DeepinvImplicit(GradientMethod):
    """deepinv's own IFT: its solver for the linear system of the exact gradient.

    This is `BaseOptim` with `DEQConfig(jacobian_free=False)`. solver: anderson or fixed_point;
    tolerance: of the relative step of w, mean over the batch; max_iterations: products with Jᵀ;
    memory, regularisation (added to squared residuals): of the Anderson acceleration.
    In training the fixed point is deepinv's too, with the solver, tolerance, limit and memory of
    `forward` (it has no Broyden); at test time it is the suite's. deepinv does not report
    convergence: the recorded residual is that of the last w that it tried.
    Source: Tachella et al., "DeepInverse: A Python package for solving imaging inverse problems
    with deep learning", JOSS 2025.
    """

    library = "deepinv"
    budget = ("max_iterations", (1, 2, 5, 10, 20, 50))

    solver: str = parameter("anderson", one_of=SOLVERS)
    tolerance: float = parameter(1e-3, above=0)
    max_iterations: int = parameter(60, at_least=1)
    memory: int = parameter(5, at_least=1)
    regularisation: float = parameter(1e-16, above=0)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), recorded twice; the backward pass is deepinv's adjoint solve."""
        from methods.libraries.deepinv import deepinv_fixed_point

        return deepinv_fixed_point(
            layer,
            z0,
            forward,
            adjoint_tolerance=self.tolerance,
            jacobian_free=False,
            max_iter_backward=self.max_iterations,
            anderson_acceleration_backward=self.solver == "anderson",
            history_size_backward=self.memory,
            beta_backward=1.0,
            eps_backward=self.regularisation,
        )

    def at_limit(self) -> Self:
        """The adjoint system solved as accurately as deepinv can."""
        return replace(self, tolerance=1e-12, max_iterations=500)
