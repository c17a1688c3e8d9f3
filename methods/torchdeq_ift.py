"""torchdeq's exact gradient, by the implicit function theorem."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor

SOLVERS = ("broyden", "anderson", "fixed_point")
FEWEST_FOR_ANDERSON = 3  # with fewer, torchdeq returns its starting point, w = 0


@register_method("torchdeq_ift")
@dataclass(frozen=True)
class TorchdeqImplicit(GradientMethod):
    """torchdeq's own IFT: its solver for the linear system of the exact gradient.

    This is `get_deq(ift=True)`. solver: broyden, anderson or fixed_point; tolerance: of the
    residual relative to w, the largest over the batch; max_iterations: of the solver (broyden
    takes one product more). anderson regularises by a fixed 1e-4 that `get_deq` cannot change: it
    fails where gradients are small.
    In training the fixed point is torchdeq's too, with the solver, relative tolerance, limit and
    memory of `forward`; at test time it is the suite's. Source: Geng and Kolter, "TorchDEQ: A
    Library for Deep Equilibrium Models", 2023, arXiv:2310.18605.
    """

    library = "torchdeq"
    budget = ("max_iterations", (1, 2, 5, 10, 20, 50))

    solver: str = parameter("broyden", one_of=SOLVERS)
    tolerance: float = parameter(1e-3, above=0)
    max_iterations: int = parameter(60, at_least=1)

    def validate(self) -> None:
        """Raise ValueError for fewer iterations than torchdeq's Anderson needs."""
        if self.solver == "anderson" and self.max_iterations < FEWEST_FOR_ANDERSON:
            at_least = f"must be at least {FEWEST_FOR_ANDERSON} for anderson"
            raise ValueError(f"max_iterations={self.max_iterations}: {at_least}")

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*); the backward pass is torchdeq's adjoint solve, with one more evaluation of T."""
        from methods.libraries.torchdeq import SOLVER_NAMES, torchdeq_fixed_point

        return torchdeq_fixed_point(
            layer,
            z0,
            forward,
            ift=True,
            b_solver=SOLVER_NAMES[self.solver],
            b_tol=self.tolerance,
            b_max_iter=self.max_iterations,
            b_stop_mode="rel",
        )

    def at_limit(self) -> Self:
        """The adjoint system solved as accurately as torchdeq can."""
        # torchdeq's Broyden allocates memory for all its iterations in advance, and needs few.
        limit = 200 if self.solver == "broyden" else 2000
        return replace(self, tolerance=1e-12, max_iterations=limit)
