"""Unrolling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("unrolling")
@dataclass(frozen=True)
class Unrolling(GradientMethod):
    """Unrolling: backpropagation through `steps` applications of T, or the last `truncate` of them.

    truncate=0: through all. The image, in training and at test time, is the last iterate, not the
    fixed point; memory grows linearly with the differentiated steps. Source: Gregor and LeCun,
    "Learning Fast Approximations of Sparse Coding", ICML 2010; truncated: Shaban et al.,
    "Truncated Back-propagation for Bilevel Optimization", AISTATS 2019.
    """

    budget = ("steps", (5, 10, 20, 50))

    steps: int = parameter(20, at_least=1)
    truncate: int = 0

    def validate(self) -> None:
        """Raise ValueError unless `truncate` is from 0 to `steps`."""
        if not 0 <= self.truncate <= self.steps:
            raise ValueError(f"truncate={self.truncate}: must be from 0 to steps={self.steps}")

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates, with the graph of the differentiated ones."""
        import torch

        skipped = self.steps - self.truncate if self.truncate else 0
        z = image = z0
        for step in range(self.steps):
            with torch.set_grad_enabled(torch.is_grad_enabled() and step >= skipped):
                z, image = image, layer(image)
        forward.report_residual(z.detach(), image.detach(), self.steps)
        return image

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates."""
        return self.fixed_point(layer, z0, forward)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """At a converged iterate: Σ (Jᵀ)ⁱ g for i < truncate, or i < steps if truncate=0."""
        from methods.solvers.neumann import partial_sum

        return partial_sum(jacobian, cotangent, self.truncate or self.steps)

    def at_iterations(self, count: int) -> Self:
        """The method with `count` steps."""
        return replace(self, steps=count, truncate=min(self.truncate, count))

    def at_limit(self) -> Self:
        """Enough steps for the iterates to converge."""
        return replace(self, steps=300)
