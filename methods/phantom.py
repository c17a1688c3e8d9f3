"""Phantom gradients."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor

FORMS = ("unrolling", "neumann")


@register_method("phantom")
@dataclass(frozen=True)
class PhantomGradient(GradientMethod):
    """Phantom gradient: the inverse (I - J)⁻¹ is replaced by a few damped steps at the fixed point.

    form=unrolling: z ← (1 - damping) z + damping T(z), `steps` times from z*, is recorded and
    differentiated; form=neumann: w = damping Σ ((1 - damping) I + damping Jᵀ)ⁱ ∂ℓ/∂z, i < steps,
    from one recorded T(z*). At an exact z* the two are equal; steps=1, damping=1 is jfb. Source:
    Geng et al., "On Training Implicit Models", NeurIPS 2021, eqs. (7) to (9).
    """

    budget = ("steps", (1, 2, 5, 10, 20))

    steps: int = parameter(5, at_least=1)
    damping: float = parameter(0.5, above=0, at_most=1)
    form: str = parameter("unrolling", one_of=FORMS)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of the damped steps, or T(z*)."""
        z = forward(layer, z0)
        if self.form == "neumann":
            from methods.solvers.neumann import attach_neumann_gradient

            return attach_neumann_gradient(layer, z, self.steps, self.damping)
        for _ in range(self.steps):
            z = (1 - self.damping) * z + self.damping * layer(z)
        return z

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """Damping Σ ((1 - damping) I + damping Jᵀ)ⁱ g for i < steps."""
        from methods.solvers.neumann import partial_sum

        return partial_sum(jacobian, cotangent, self.steps, self.damping)
