"""Reversible fixed-point iteration."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, KeptMemory, Tensor

LARGEST_AMPLIFICATION = 1e8  # of the rounding errors of doubles: they become about 1e-8
UNROLLED_AT_LIMIT = 150  # as many steps of unrolling come as far as the steps at the limit


@register_method("reversible")
@dataclass(frozen=True)
class ReversibleIteration(GradientMethod):
    """Reversible: two coupled iterations that the backward pass inverts instead of storing them.

    y ← (1 - β) y + β T(z) and z ← (1 - β) z + β T(y), in turn, from y = z = z₀. The gradient is
    that of this iteration, but no iterate is stored: the backward pass goes back by
    z = (z' - β T(y')) / (1 - β), and in the same way for y, so that memory is constant in `steps`.
    steps: evaluations of T, one for each update; beta: β. The image, in training and at test time,
    is the last iterate. Where T contracts slowly, `steps` updates come as far as
    steps · β / (2 - β) steps of unrolling.

    Each division amplifies rounding errors by 1 / (1 - β), all together by (1 - β)^-steps at most;
    more than 1e8 is refused. They are those of doubles, because the updates are computed in double
    precision, and T alone in that of the image. checkpoint=K: a pair of iterates is stored every K
    steps, from which the way back starts anew, so that only (1 - β)^-K counts; 0: the last pair
    alone. Metric: `inversion_error`, |z₀ reconstructed - z₀| / |z₀|. Source: McCallum, Arora,
    Foster, "Reversible Deep Equilibrium Models", 2025.
    """

    budget = ("steps", (2, 5, 10, 20))

    steps: int = parameter(20, at_least=1)
    beta: float = parameter(0.5, above=0, below=1)
    checkpoint: int = parameter(0, at_least=0)

    def validate(self) -> None:
        """Raise ValueError if the reconstruction would amplify rounding errors by more than 1e8."""
        exponent = -math.log10(1 - self.beta) * self._reconstructed
        if exponent > math.log10(LARGEST_AMPLIFICATION):
            raise ValueError(
                f"beta={self.beta}: reconstructing {self._reconstructed} steps amplifies rounding "
                f"errors by 1e{exponent:.0f}, more than {LARGEST_AMPLIFICATION:.0e}; choose a "
                "smaller beta, fewer steps, or a smaller checkpoint"
            )

    @property
    def _reconstructed(self) -> int:
        """The most steps between a stored pair and the last that is reconstructed from it."""
        return min(self.checkpoint or self.steps, self.steps)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates, with a graph whose tensors are recomputed."""
        from methods.solvers.reversible import Reversible

        image, bound = Reversible(self.beta, self.checkpoint).iterate(layer, z0, self.steps)
        size = image.detach().flatten(1).norm(dim=1).clamp_min(1e-30)
        forward.report_residuals(image.detach(), tuple((bound / size).tolist()), self.steps)
        return image

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates."""
        return self.fixed_point(layer, z0, forward)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """At a converged iterate: β Σ aₖ, k = 1 … n, with aₙ = g and aₙ₊₁ = 0.

        aₖ₋₁ = (1 - β) aₖ₊₁ + β Jᵀ aₖ is the derivative of ℓ with respect to uₖ₋₁.
        """
        ahead, here = 0 * cotangent, cotangent
        w = self.beta * here
        for _ in range(self.steps - 1):
            ahead, here = here, (1 - self.beta) * ahead + self.beta * jacobian.T @ here
            w = w + self.beta * here
        return w

    def differentiates_image(self) -> bool:
        """Up to the errors of the reconstruction."""
        return True

    def stated_memory(self) -> KeptMemory | None:
        """One application of T, and the iterates of the stored pairs."""
        pairs = -(-(self.steps - 1) // self.checkpoint) if self.checkpoint else 1
        # With checkpoint=1 each pair shares an iterate with the next one.
        return KeptMemory(1, doubles=pairs + 1 if self.checkpoint == 1 else 2 * pairs)

    def at_iterations(self, count: int) -> Self:
        """The method with `count` steps."""
        return replace(self, steps=count)

    def at_limit(self) -> Self:
        """Enough steps for the iterates to converge, few of them from one stored pair."""
        few = max(1, int(-3 / math.log10(1 - self.beta)))
        steps = math.ceil(UNROLLED_AT_LIMIT * (2 - self.beta) / self.beta)
        return replace(self, steps=steps, checkpoint=few)
