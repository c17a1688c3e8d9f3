"""Unrolling."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, KeptMemory, Tensor


@register_method("unrolling")
@dataclass(frozen=True)
class Unrolling(GradientMethod):
    """Unrolling: backpropagation through `steps` applications of T, or the last `truncate` of them.

    truncate=0: through all. The image, in training and at test time, is the last iterate, not the
    fixed point; memory grows linearly with the differentiated steps. checkpoint=K: only every K-th
    of them is stored, and the steps between two are computed again in the backward pass; at K about
    √steps, memory grows as √steps, for one evaluation more of all but the last K steps; 0: all are
    stored. The gradient is the same. Source: Gregor and LeCun, "Learning Fast Approximations of
    Sparse Coding", ICML 2010; truncated: Shaban et al., "Truncated Back-propagation for Bilevel
    Optimization", AISTATS 2019; recomputed: Chen et al., "Training Deep Nets with Sublinear Memory
    Cost", 2016.
    """

    budget = ("steps", (5, 10, 20, 50))

    steps: int = parameter(20, at_least=1)
    truncate: int = 0
    checkpoint: int = parameter(0, at_least=0)

    def validate(self) -> None:
        """Raise ValueError unless `truncate` is from 0 to `steps`."""
        if not 0 <= self.truncate <= self.steps:
            raise ValueError(f"truncate={self.truncate}: must be from 0 to steps={self.steps}")

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates, with the graph of the differentiated ones."""
        import torch

        from methods.solvers.segments import iterate_in_segments

        with torch.no_grad():
            z = z0
            for _ in range(self.steps - self._differentiated):
                z = layer(z)
        z, image = iterate_in_segments(layer, z, self._differentiated, self.checkpoint)
        forward.report_residual(z.detach(), image.detach(), self.steps)
        return image

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The last of `steps` iterates."""
        return self.fixed_point(layer, z0, forward)

    @property
    def _differentiated(self) -> int:
        return self.truncate or self.steps

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """At a converged iterate: Σ (Jᵀ)ⁱ g for i < truncate, or i < steps if truncate=0."""
        from methods.solvers.neumann import partial_sum

        return partial_sum(jacobian, cotangent, self._differentiated)

    def differentiates_image(self) -> bool:
        """If all steps are differentiated."""
        return self._differentiated == self.steps

    def stated_memory(self) -> KeptMemory | None:
        """All differentiated steps, or the last `checkpoint` and the start of each segment."""
        count = self._differentiated
        recorded = min(self.checkpoint or count, count)
        return KeptMemory(recorded, images=-(-count // recorded) - 1)

    def at_iterations(self, count: int) -> Self:
        """The method with `count` steps."""
        return replace(self, steps=count, truncate=min(self.truncate, count))

    def at_limit(self) -> Self:
        """Enough steps for the iterates to converge."""
        return replace(self, steps=300)
