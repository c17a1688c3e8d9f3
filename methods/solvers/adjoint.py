"""The backward pass of a fixed point: the adjoint system, solved or approximated."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.iterate import NAMES as ITERATIONS
from methods.solvers.iterate import Solution, Solver
from methods.solvers.krylov import RECURRENCES, solve_krylov
from methods.solvers.products import JacobianProducts
from methods.solvers.samples import binary_scale
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
        scale = binary_scale(cotangent)
        scaled = cotangent / scale
        size = torch.linalg.vector_norm(scaled.flatten(1), dim=1).view_as(scale)
        unit = scaled / torch.where(size == 0, 1, size)
        solver = Solver(self.name, self.tolerance, self.max_iterations, self.memory)
        if self.name in RECURRENCES:
            found = solve_krylov(solver, products, unit)
        else:
            found = solver.solve(lambda w: unit + products.transposed(w), unit, relative=False)
        return replace(found, value=found.value * size * scale)


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
    ∂T/∂θ. A second derivative is refused with a RuntimeError, whatever it is taken by.
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
        ctx: Any, value: Tensor, point: Tensor, rule: Rule, count: Callable[[Tensor], None]
    ) -> Tensor:
        ctx.save_for_backward(value, point)
        ctx.rule, ctx.count = rule, count
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None, None, None]:
        value, point = ctx.saved_tensors
        products = JacobianProducts(value, point, ctx.count)
        with torch.no_grad():
            w = ctx.rule(products, cotangent.detach())
        return _once(w, value, cotangent), None, None, None


def refuse_second_derivative(value: Tensor) -> Tensor:
    """The identity on an image whose backward pass records nothing of the solve that it makes.

    With create_graph=True its gradient is as before, and a derivative of that a RuntimeError.
    """
    image: Tensor = _Once.apply(value)  # type: ignore[no-untyped-call]
    return image


class _Once(torch.autograd.Function):
    """The identity, which can be differentiated once."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        ctx.save_for_backward(value)
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        (value,) = ctx.saved_tensors
        return _once(cotangent, value, cotangent)


def _once(w: Tensor, value: Tensor, cotangent: Tensor) -> Tensor:
    if torch.is_grad_enabled():  # with create_graph=True
        final: Tensor = _Final.apply(w, value, cotangent)  # type: ignore[no-untyped-call]
        return final
    return w


class _Final(torch.autograd.Function):
    """The identity on w, which refuses to be differentiated.

    w depends on θ in ways that no graph records. T(z*) and ∂ℓ/∂z are inputs so that every path to
    θ and to what the loss depends on leads through here: autograd skips a node without such a path.
    """

    @staticmethod
    def forward(ctx: Any, w: Tensor, value: Tensor, cotangent: Tensor) -> Tensor:
        return w.clone()

    @staticmethod
    def backward(ctx: Any, *_: Tensor) -> Any:
        raise RuntimeError(
            "a second derivative through a fixed point is not available: the adjoint solve of "
            "the backward pass is not recorded"
        )
