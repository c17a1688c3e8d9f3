"""torchdeq's phantom gradients."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("torchdeq_phantom")
@dataclass(frozen=True)
class TorchdeqPhantom(GradientMethod):
    """torchdeq's own phantom gradient: a few damped steps in place of the inverse (I - J)⁻¹.

    This is `get_deq(grad=steps, tau=damping)`: `steps` damped applications of T at z* are recorded,
    as in phantom[form=unrolling]. In training the fixed point is torchdeq's too, with the solver,
    relative tolerance, limit and memory of `forward`; at test time it is the suite's. Source: Geng
    and Kolter, "TorchDEQ: A Library for Deep Equilibrium Models", 2023, arXiv:2310.18605.
    """

    library = "torchdeq"
    budget = ("steps", (1, 2, 5, 10, 20))

    steps: int = parameter(5, at_least=1)
    damping: float = parameter(0.5, above=0, at_most=1)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of the damped steps, as torchdeq records them."""
        from methods.libraries.torchdeq import torchdeq_fixed_point

        return torchdeq_fixed_point(layer, z0, forward, grad=self.steps, tau=self.damping)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """Damping Σ ((1 - damping) I + damping Jᵀ)ⁱ g for i < steps."""
        from methods.solvers.neumann import partial_sum

        return partial_sum(jacobian, cotangent, self.steps, self.damping)
