"""The gradient of a fixed point by the implicit function theorem."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.iterate import Solver
from methods.solvers.trace import Trace


def attach_implicit_gradient(
    layer: FixedPointMap, z_star: Tensor, adjoint: Solver, trace: Trace
) -> Tensor:
    """T(z*), with a backward pass that hands w = (I - Jᵀ)⁻¹ ∂ℓ/∂z on to the graph of T.

    T is recorded once; its graph serves every vector-Jacobian product of the adjoint solver and
    the final product with ∂T/∂θ. The outcome of the solve is noted in `trace.adjoint`.
    """
    if not torch.is_grad_enabled():
        return layer(z_star)
    point = z_star.detach().requires_grad_()
    value: Tensor = _ImplicitGradient.apply(  # type: ignore[no-untyped-call]
        layer(point), point, adjoint, trace
    )
    return value


class _ImplicitGradient(torch.autograd.Function):
    """The identity on T(z*); backward turns ∂ℓ/∂z into the solution of the adjoint system."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, point: Tensor, adjoint: Solver, trace: Trace) -> Tensor:
        ctx.save_for_backward(value, point)
        ctx.adjoint, ctx.trace = adjoint, trace
        return value.clone()

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None, None, None]:
        value, point = ctx.saved_tensors

        def adjoint_map(w: Tensor) -> Tensor:
            with torch.enable_grad():
                (product,) = torch.autograd.grad(value, point, w, retain_graph=True)
            return cotangent + product

        solution = ctx.adjoint.solve(adjoint_map, cotangent)
        ctx.trace.adjoint.add(solution)
        return solution.value, None, None, None
