"""The implicit function theorem, by deepinv."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Self

from bench.registry import register_method
from methods.base import GradientMethod

if TYPE_CHECKING:
    from torch import Tensor

    from methods.networks.implicit_layer import FixedPointMap
    from methods.solvers.forward import ForwardSolver

SOLVERS = ("anderson", "fixed_point")


@register_method("deepinv_ift")
@dataclass(frozen=True)
class DeepinvImplicit(GradientMethod):
    """deepinv's implicit differentiation: `DEQConfig(jacobian_free=False)` of its `BaseOptim`.

    solver: anderson or fixed_point, deepinv's own; tolerance: of the mean over the batch of the
    relative step of w, at which it stops; max_iterations: products with Jᵀ; memory and
    regularisation (absolute, of squared residuals): of its Anderson acceleration. The fixed point
    is deepinv's too, plain or with Anderson acceleration as forward.solver says (it has no
    Broyden), at the same tolerance, limit and memory; at test time the image is the suite's.
    deepinv says nothing of convergence: the reported residual is that of the last w that it tried.
    Source: Tachella et al., "DeepInverse: A Python package for solving imaging inverse problems
    with deep learning", JOSS 2025.
    """

    library: ClassVar[str] = "deepinv"
    budget: ClassVar[tuple[str, tuple[int, ...]] | None] = ("max_iterations", (1, 2, 5, 10, 20, 50))

    solver: str = "anderson"
    tolerance: float = 1e-3
    max_iterations: int = 60
    memory: int = 5
    regularisation: float = 1e-16

    def validate(self) -> None:
        """Raise ValueError, naming the parameter, for a value out of range."""
        if self.solver not in SOLVERS:
            raise ValueError(f"solver={self.solver}: must be one of {', '.join(SOLVERS)}")
        for name in ("tolerance", "regularisation"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: must be greater than 0")
        for name in ("max_iterations", "memory"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be at least 1")

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), recorded twice; its backward pass is deepinv's adjoint solve."""
        from methods.libraries.deepinv_bridge import deepinv_fixed_point

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
        """The adjoint system solved as far as deepinv goes."""
        return replace(self, tolerance=1e-12, max_iterations=2000)
