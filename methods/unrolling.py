"""Unrolling."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.registry import register_method
from methods.base import GradientMethod

if TYPE_CHECKING:
    from torch import Tensor

    from methods.networks.implicit_layer import FixedPointMap
    from methods.solvers.forward import ForwardSolver


@register_method("unrolling")
@dataclass(frozen=True)
class Unrolling(GradientMethod):
    """Unrolling: `steps` applications of T from z0, all of them recorded and differentiated.

    Its image, in training as in test, is the last iterate, not the fixed point; memory grows
    linearly with `steps`. Source: Gregor and LeCun, "Learning Fast Approximations of Sparse
    Coding", ICML 2010; for images Monga, Li, Eldar, IEEE Signal Processing Magazine 2021.
    """

    steps: int = 20

    def validate(self) -> None:
        """Raise ValueError for a number of steps below 1."""
        if self.steps < 1:
            raise ValueError(f"steps={self.steps}: must be at least 1")

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates, with the graph of all of them."""
        z, image = z0, z0
        for _ in range(self.steps):
            z, image = image, layer(image)
        forward.report_residual(z.detach(), image.detach(), self.steps)
        return image

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates."""
        return self.fixed_point(layer, z0, forward)
