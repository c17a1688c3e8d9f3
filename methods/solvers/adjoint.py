"""The backward pass of a fixed point: the adjoint system, solved or approximated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.iterate import NAMES as ITERATIONS
from methods.solvers.iterate import Solution, Solver
from methods.solvers.krylov import RECURRENCES, solve_krylov
from methods.solvers.products import JacobianProducts
from methods.solvers.trace import Trace

Rule = Callable[[JacobianProducts, Tensor], Tensor]  # ∂ℓ/∂z to w


@dataclass(frozen=True)
class AdjointSolver:
    """A solver of (I - Jᵀ) w = g and its limits.

    name: one of ADJOINT_SOLVERS; tolerance: of |g - (I - Jᵀ) w| / |g| for each sample;
    max_iterations: products with J or Jᵀ at most; memory: of anderson and gmres.
    """

    name: str
    tolerance: float = 1e-3
    max_iterations: int = 60
    memory: int = 10

    def solve(self, products: JacobianProducts, cotangent: Tensor) -> Solution:
        """w for g = cotangent (N, ...); solved for g / |g|, so that |g| has no effect on it."""
        size = torch.linalg.vector_norm(cotangent.flatten(1), dim=1)
        size = size.view(-1, *[1] * (cotangent.ndim - 1))
        unit = cotangent / torch.where(size == 0, 1, size)
        solver = Solver(self.name, self.tolerance, self.max_iterations, self.memory)
        if self.name in RECURRENCES:
            found = solve_krylov(solver, products, unit)
        else:
            found = solver.solve(lambda w: unit + products.transposed(w), unit, relative=False)
        return replace(found, value=found.value * size)


ADJOINT_SOLVERS = (*RECURRENCES, *ITERATIONS)


def attach_implicit_gradient(
    layer: FixedPointMap, z_star: Tensor, adjoint: AdjointSolver, trace: Trace
) -> Tensor:
    """T(z*), with a backward pass that hands w = (I - Jᵀ)⁻¹ ∂ℓ/∂z on to the graph of T.

    The convergence of the solve is added to `trace.adjoint`.
    """

    def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
        solution = adjoint.solve(products, cotangent)
        trace.adjoint.add(solution)
        return solution.value

    return attach_adjoint(layer, z_star, rule)


def attach_adjoint(layer: FixedPointMap, z_star: Tensor, rule: Rule) -> Tensor:
    """T(z*), with a backward pass that hands w = rule(J, ∂ℓ/∂z) on to the graph of T.

    T is recorded once; its graph serves every product with the Jacobian and the final one with
    ∂T/∂θ.
    """
    if not torch.is_grad_enabled():
        return layer(z_star)
    point = z_star.detach().requires_grad_()
    value: Tensor = _Adjoint.apply(  # type: ignore[no-untyped-call]
        layer(point), point, rule, layer.count_product
    )
    return value


class _Adjoint(torch.autograd.Function):
    """The identity on T(z*); backward turns ∂ℓ/∂z into w."""

    @staticmethod
    def forward(
        ctx: Any, value: Tensor, point: Tensor, rule: Rule, count: Callable[[], None]
    ) -> Tensor:
        ctx.save_for_backward(value, point)
        ctx.rule, ctx.count = rule, count
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None, None, None]:
        value, point = ctx.saved_tensors
        products = JacobianProducts(value, point, ctx.count)
        return ctx.rule(products, cotangent), None, None, None
