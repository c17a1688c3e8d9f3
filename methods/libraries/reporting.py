"""A layer as a library sees it, and the convergence of the library's solves.

A library's own claim of convergence is not used. The forward residual is that of the evaluation
that the library records for its gradient anyway, so that it costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import refuse_second_derivative
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solution
from methods.solvers.trace import Trace

Recorded = Callable[[Tensor, Tensor], None]


class ReportingMap:
    """z -> T(z) for a library; reports the residual |T(z) - z| / |T(z)| of its forward solve.

    The T(z) there is kept for `forward.start`.

    That is of the first application with gradients enabled, which each library makes at what its
    solver returned; without gradients, of the last application.
    on_recorded(z, T(z)): called after each application with gradients enabled; once: whether
    second derivatives are refused, because the library solves in a backward pass that it does not
    record.
    """

    def __init__(
        self,
        layer: FixedPointMap,
        forward: ForwardSolver,
        on_recorded: Recorded | None = None,
        *,
        once: bool = False,
    ) -> None:
        self._once = once
        self._layer, self._forward, self._on_recorded = layer, forward, on_recorded
        self._last: tuple[Tensor, Tensor] | None = None
        self._reported = False

    def __call__(self, z: Tensor) -> Tensor:
        """T(z), (N, C, H, W) to the same shape."""
        value = self._layer(z)
        if self._once and value.requires_grad:
            value = refuse_second_derivative(value)
        if not self._reported:
            self._last = z.detach(), value.detach()
            if torch.is_grad_enabled():
                self.report()
        if self._on_recorded is not None and torch.is_grad_enabled():
            self._on_recorded(z, value)
        return value

    def report(self) -> None:
        """Report the residual of the last application, if none has been reported."""
        if self._last is not None:
            self._forward.report_residual(*self._last, self._layer.evaluations)
            self._forward.keep(self._last[1])
        self._reported, self._last = True, None


def report_adjoint(
    trace: Trace, residuals: tuple[float, ...], products: int, tolerance: float
) -> None:
    """Report the end of a library's adjoint solve: one residual per sample, relative to w."""
    unknown = torch.empty(0)  # w stays with the library; the log does not need it
    trace.adjoint.add(Solution.judged(unknown, residuals, products, tolerance))
