"""SHINE."""

from __future__ import annotations

from dataclasses import dataclass, replace

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FixedPointMap, ForwardSolver, GradientMethod, Tensor


@register_method("shine")
@dataclass(frozen=True)
class SharedInverse(GradientMethod):
    """SHINE: the backward pass reuses the estimate of (I - J)⁻¹ from Broyden's forward solver.

    With that estimate H, w = Hᵀ ∂ℓ/∂z takes no product with Jᵀ. Where |w| > fallback · |∂ℓ/∂z|,
    w = ∂ℓ/∂z, as in jfb; fallback=inf never falls back. The forward solver is always Broyden's
    method, with the tolerance and limit of `forward`. Source: Ramzi et al., "SHINE: SHaring the
    INverse Estimate from the forward pass for bi-level optimization and implicit models", ICLR
    2022, theorem 3 and the fall-back of section 2.3.
    """

    fallback: float = parameter(1.3, above=0, finite=False)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """T(z*), recorded once; the backward pass applies Hᵀ."""
        import torch

        from methods.solvers.adjoint import attach_adjoint
        from methods.solvers.broyden import BroydenInverse
        from methods.solvers.samples import binary_scale

        with torch.no_grad():
            start = forward.start(z0)
            inverse = BroydenInverse(start)
            solution = replace(forward.solver, name="broyden").solve(layer, start, propose=inverse)
        forward.keep(solution.value)
        forward.trace.forward.add(solution)
        fallback = self.fallback

        def rule(products: object, cotangent: Tensor) -> Tensor:
            scale = binary_scale(cotangent)
            g = (cotangent / scale).flatten(1)
            w = inverse.apply_transposed(g)
            size_of_w, size = (torch.linalg.vector_norm(v, dim=1, keepdim=True) for v in (w, g))
            chosen = torch.where(size_of_w <= fallback * size, w, g)
            return chosen.view_as(cotangent) * scale

        return attach_adjoint(layer, solution.value, rule)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """None: H depends on the path of the forward solve."""
        return None

    def stated_adjoint_of_path(
        self, points: Tensor, values: Tensor, cotangent: Tensor
    ) -> Tensor | None:
        """Hᵀ g, with the dense H of Broyden's updates along the path, or the fall-back.

        The solver's last evaluation ends the solve, and the one after it is recorded for ∂T/∂θ:
        no step from them enters H.
        """
        import torch

        from methods.solvers.broyden import MAX_UPDATES, SMALLEST_PIVOT

        identity = torch.eye(points.shape[1]).to(points)
        estimate, updates = identity, 0
        steps, residuals = points.diff(dim=0), points - values
        for step, change in list(zip(steps, residuals.diff(dim=0), strict=True))[:-2]:
            if updates == MAX_UPDATES:
                estimate, updates = identity, 0
            mapped = estimate @ change
            pivot = step @ mapped
            if abs(pivot) > SMALLEST_PIVOT * (step @ step):
                estimate = estimate + torch.outer(step - mapped, step @ estimate) / pivot
            updates += 1
        w = estimate.T @ cotangent
        return w if w.norm() <= self.fallback * cotangent.norm() else cotangent
