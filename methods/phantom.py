"""Phantom gradients."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.registry import register_method
from methods.base import GradientMethod

if TYPE_CHECKING:
    from torch import Tensor

    from methods.networks.implicit_layer import FixedPointMap
    from methods.solvers.forward import ForwardSolver


@register_method("phantom")
@dataclass(frozen=True)
class PhantomGradient(GradientMethod):
    """Phantom gradient: a few damped applications of T at z* are recorded and differentiated.

    z ← (1 - damping) z + damping T(z), `steps` times from z*. Source: Geng et al., "On Training
    Implicit Models", NeurIPS 2021, the unrolling form. steps=1, damping=1 is jfb.
    """

    steps: int = 5
    damping: float = 0.5

    def validate(self) -> None:
        """Raise ValueError, naming the parameter, for a value out of range."""
        if self.steps < 1:
            raise ValueError(f"steps={self.steps}: must be at least 1")
        if not 0 < self.damping <= 1:
            raise ValueError(f"damping={self.damping}: must be above 0 and at most 1")

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """`steps` recorded, damped applications of T from z*."""
        z = forward(layer, z0)
        for _ in range(self.steps):
            z = (1 - self.damping) * z + self.damping * layer(z)
        return z
