"""deepinv's fixed-point iteration and gradients, on a layer of this suite."""

from __future__ import annotations

from typing import Any

import torch
from deepinv.optim import AndersonAccelerationConfig, BaseOptim, DEQConfig, OptimIterator
from torch import Tensor

from bench.errors import UserError
from methods.libraries.regularisation import anderson_regularisation
from methods.libraries.reporting import ReportingMap, report_adjoint
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.proposal import relative_residuals
from methods.solvers.trace import Trace


def deepinv_fixed_point(
    layer: FixedPointMap,
    z0: Tensor,
    forward: ForwardSolver,
    adjoint_tolerance: float | None = None,
    **gradient: Any,
) -> Tensor:
    """z (N, C, H, W) from deepinv's `BaseOptim`, with the graph that its DEQ mode gives it.

    The iteration is deepinv's, plain or with its Anderson acceleration, with the shared tolerance,
    limit and memory; adjoint_tolerance: of its adjoint solve, None if it makes none; gradient:
    fields of `deepinv.optim.DEQConfig`. Raises UserError for a solver that deepinv does not have.
    """
    tolerance = adjoint_tolerance
    adjoint = None if tolerance is None else AdjointMonitor(forward.trace, tolerance)
    hooks = None if adjoint is None else adjoint.add_hooks
    step = ReportingMap(layer, forward, hooks, once=adjoint is not None)
    model = _model(forward.solver, z0.dtype, gradient)
    image: Tensor = model(z0, step, init=forward.start(z0))
    step.report()
    # The module and its parts refer to each other: without this the history of iterates would stay
    # in memory until the next garbage collection.
    del model.fixed_point
    if adjoint is not None:
        model.thres_conv = adjoint.tolerance  # deepinv has one threshold for both passes
        adjoint.report_when_solved(image)
    return image


def _model(solver: Solver, dtype: torch.dtype, gradient: dict[str, Any]) -> Any:
    return BaseOptim(
        _Iteration(has_cost=False),
        max_iter=solver.max_iterations,
        thres_conv=solver.tolerance,
        early_stop=True,
        trainable_params=[],
        DEQ=DEQConfig(**gradient),
        anderson_acceleration=_acceleration(solver, dtype),
    )


class _Iteration(OptimIterator):  # type: ignore[misc]
    """One application of T, which deepinv receives in the place of the physics.

    T is an argument and no attribute, so that the model keeps no graph alive.
    """

    def forward(self, iterate: dict[str, Any], *arguments: Any) -> dict[str, tuple[Tensor]]:
        *_, apply = arguments
        return {"est": (apply(iterate["est"][0]),)}


def _acceleration(solver: Solver, dtype: torch.dtype) -> Any:
    if solver.name == "fixed_point":
        return False
    if solver.name == "anderson":
        eps = anderson_regularisation(dtype)
        return AndersonAccelerationConfig(solver.memory, beta=1.0, eps=eps)
    raise UserError(
        f"deepinv has no forward solver {solver.name!r}: set forward.solver to anderson or "
        "fixed_point"
    )


class AdjointMonitor:
    """Reports the convergence of deepinv's adjoint solve, from the products that it asks for.

    deepinv itself reports nothing. It records T twice: the first application carries ∂T/∂θ, the
    second, at a leaf, is for the products with Jᵀ. The residual is |g + Jᵀv - v| / |g + Jᵀv| at
    the last v that deepinv tried.
    """

    def __init__(self, trace: Trace, tolerance: float) -> None:
        self.tolerance = tolerance
        self._trace = trace
        self._products = 0
        self._cotangent: Tensor | None = None
        self._tried: Tensor | None = None
        self._pulled: Tensor | None = None

    def add_hooks(self, z: Tensor, value: Tensor) -> None:
        """Follow the backward passes through one recorded application, value = T(z)."""
        if not value.requires_grad:
            return
        if not z.requires_grad:
            value.register_hook(self._note_cotangent)
        else:
            value.register_hook(self._note_tried)
            z.register_hook(self._note_pulled)

    def report_when_solved(self, image: Tensor) -> None:
        """Report the solve once the cotangent of `image` has become w."""
        if image.requires_grad:
            image.register_hook(self._report)

    def _note_cotangent(self, g: Tensor) -> None:
        self._cotangent, self._products = g, 0

    def _note_tried(self, v: Tensor) -> None:
        self._tried = v
        self._products += 1

    def _note_pulled(self, product: Tensor) -> None:
        self._pulled = product

    def _report(self, w: Tensor) -> None:
        if self._cotangent is None or self._tried is None or self._pulled is None:
            return
        residuals = relative_residuals(self._tried, self._cotangent + self._pulled)
        report_adjoint(self._trace, residuals, self._products, self.tolerance)
        self._cotangent = self._tried = self._pulled = None
