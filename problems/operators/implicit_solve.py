"""The derivatives of a linear solve, from the implicit rule in place of the solver's steps."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

Solver = Callable[[Tensor, Tensor], Tensor]


def implicit_solve(solver: Solver, r: Tensor, strength: Tensor) -> Tensor:
    """x = (M + λI)⁻¹ r by `solver(r, λ)`, differentiable in r (N, ...) and λ (a scalar).

    M is symmetric and does not depend on r and λ. A cotangent g gives w = (M + λI)⁻¹ g for r and
    -⟨w, x⟩ for λ; a direction (r', λ') gives (M + λI)⁻¹ (r' - λ' x). Each is one more solve, and is
    differentiable itself. Memory does not grow with the steps of the solver.
    """
    solution: Tensor = _ImplicitSolve.apply(r, strength, solver)  # type: ignore[no-untyped-call]
    return solution


class _ImplicitSolve(torch.autograd.Function):
    @staticmethod
    def forward(r: Tensor, strength: Tensor, solver: Solver) -> Tensor:
        return solver(r, strength)

    @staticmethod
    def setup_context(ctx: Any, inputs: tuple[Tensor, Tensor, Solver], output: Tensor) -> None:
        _, strength, ctx.solver = inputs
        ctx.save_for_backward(strength, output)
        ctx.save_for_forward(strength, output)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, Tensor | None, None]:
        strength, x = ctx.saved_tensors
        w = implicit_solve(ctx.solver, cotangent, strength)
        return w, -(w * x).sum() if ctx.needs_input_grad[1] else None, None

    @staticmethod
    def jvp(ctx: Any, along_r: Tensor | None, along_strength: Tensor | None, _: None) -> Tensor:
        strength, x = ctx.saved_tensors
        change = torch.zeros_like(x) if along_r is None else along_r
        if along_strength is not None:
            change = change - along_strength * x
        return implicit_solve(ctx.solver, change, strength)
