"""What the library entries share: a layer as a library sees it, and what is reported of its solves.

The libraries' own claims are not taken over: the forward residual is that of the evaluation which
the library records for its gradient, and so costs none of its own.
"""

from __future__ import annotations

import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solution
from methods.solvers.trace import Trace
from methods.solvers.watch import Watch


class LibraryMap:
    """z -> T(z) for a library; notes the residual |T(z) - z| / |T(z)| of its forward solve.

    That is of the first application with gradients enabled, which each library makes at what its
    solver returned; without gradients, of the last application.
    """

    def __init__(self, layer: FixedPointMap, forward: ForwardSolver) -> None:
        self._layer, self._forward = layer, forward
        self._last: tuple[Tensor, Tensor] | None = None
        self._reported = False

    def __call__(self, z: Tensor) -> Tensor:
        """T(z), (N, C, H, W) to the same shape."""
        value = self._layer(z)
        if not self._reported:
            self._last = z.detach(), value.detach()
            if torch.is_grad_enabled():
                self.report()
        return value

    def report(self) -> None:
        """Note the residual of the last application, if none has been noted."""
        if self._last is not None:
            self._forward.report_residual(*self._last, self._layer.evaluations)
        self._reported, self._last = True, None


def report_adjoint(
    trace: Trace, residuals: tuple[float, ...], products: int, tolerance: float
) -> None:
    """Note the end of a library's adjoint solve: one residual for each sample, relative to w."""
    watch = Watch(len(residuals), tolerance)
    watch.judge(residuals)
    unknown = torch.empty(0)  # w stays with the library; the log keeps none
    trace.adjoint.add(Solution(unknown, residuals, products, tolerance, tuple(watch.statuses)))
