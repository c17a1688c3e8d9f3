"""What a method reports of its costs and convergence, against what it really did."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import Bound, LayerCase
from bench.contracts.differentiation import differentiate, differentiate_bound
from bench.contracts.requirement import require
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver

UNREACHABLE = 1e-30
FEW_ITERATIONS, MANY_ITERATIONS = 5, 60


def counts(method: GradientMethod, case: LayerCase) -> None:
    """`evaluations` and `vjps` equal the numbers actually computed."""
    seen: list[str] = []
    layer = differentiate_bound(method, case, spied(case, seen), case.inputs).layer
    counted = (layer.evaluations, layer.vjps)
    real = (seen.count("evaluation"), seen.count("product"))
    require(counted == real, f"(evaluations, vjps): {counted} reported, {real} computed")


def forward_reported(method: GradientMethod, case: LayerCase) -> None:
    """A truncated forward solve is reported as not converged."""
    cut = replace(case.tight, name="fixed_point", max_iterations=3)
    fraction = differentiate(method, case, cut).trace.forward.converged_fraction
    reason = f"after 3 iterations the reported converged fraction is {fraction}, not below 1"
    require(fraction < 1, reason)


def memory_law(method: GradientMethod, case: LayerCase) -> None:
    """The memory kept for the backward pass does not grow with the forward iterations."""
    few, many = (saved_bytes(method, case, n) for n in (FEW_ITERATIONS, MANY_ITERATIONS))
    reason = f"{few} bytes kept after {FEW_ITERATIONS} iterations, {many} after {MANY_ITERATIONS}"
    require(many <= few, reason)


def saved_bytes(method: GradientMethod, case: LayerCase, max_iterations: int) -> int:
    """The bytes that the graph of the image keeps; a shared storage counts once."""
    solver = replace(case.tight, tolerance=UNREACHABLE, max_iterations=max_iterations)
    storages: dict[int, torch.UntypedStorage] = {}

    def note(saved: Tensor) -> Tensor:
        storage = saved.untyped_storage()
        storages[storage.data_ptr()] = storage
        return saved

    layer, start = case.condition()
    with torch.autograd.graph.saved_tensors_hooks(note, lambda saved: saved):
        image = method.fixed_point(layer, start, ForwardSolver(solver))
    require(image.requires_grad, "the image has no autograd graph")
    return sum(storage.nbytes() for storage in storages.values())


def spied(case: LayerCase, seen: list[str]) -> Bound:
    """The map of a case; it adds its evaluations and products to `seen`, not by its own counter."""
    inner, start = case.condition()

    def noting(z: Tensor) -> Tensor:
        seen.append("evaluation")
        value: Tensor = _Noted.apply(inner(z), seen)  # type: ignore[no-untyped-call]
        return value

    return FixedPointMap(noting, inner.contraction_bound, inner.samples), start


class _Noted(torch.autograd.Function):
    """The identity, which notes each Jᵀ w, and each J v that is made by differentiating Jᵀ w."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, seen: list[str]) -> Tensor:
        ctx.seen = seen
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        ctx.seen.append("product")
        return _Noted.apply(cotangent, ctx.seen), None  # type: ignore[no-untyped-call]
