"""The last steps of a long iteration, differentiated."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import register_method
from bench.config.parameters import parameter
from methods.base import GradientMethod

if TYPE_CHECKING:
    from torch import Tensor

    from methods.networks.implicit_layer import FixedPointMap
    from methods.solvers.forward import ForwardSolver


@register_method("last_steps")
@dataclass(frozen=True)
class LastSteps(GradientMethod):
    """Last steps: T applied `steps` times more at z*, recorded. Source: none, an example."""

    steps: int = parameter(2, at_least=1)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of the recorded steps."""
        z = forward(layer, z0)
        for _ in range(self.steps):
            z = layer(z)
        return z

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """Σ (Jᵀ)ⁱ g for i < steps."""
        w = term = cotangent
        for _ in range(self.steps - 1):
            term = jacobian.T @ term
            w = w + term
        return w
