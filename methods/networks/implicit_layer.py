"""The layer as a module: its weights, and the map T(.; y, θ) for a batch of observations."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from methods.layers.base import Layer
from methods.layers.data_term import DataTerm
from methods.networks.batching import tangent_of, width
from methods.networks.convex_potential import ConvexPotentialBlock


class FixedPointMap:
    """z -> T(z; y, θ), with y and the normalised weights bound; counts its evaluations and VJPs.

    evaluations: applications of T; vjps: products of a vector with the Jacobian of a recorded
    application, or with its transpose. What is computed for many vectors at once counts as many.
    samples: in a batch, None if any number of them counts as one.
    """

    def __init__(
        self, function: Callable[[Tensor], Tensor], bound: Tensor, samples: int | None = None
    ) -> None:
        self._function = function
        self.contraction_bound = bound
        self.samples = samples
        self.evaluations = 0
        self.vjps = 0

    def __call__(self, z: Tensor) -> Tensor:
        """T(z), (N, C, H, W) to the same shape."""
        self.evaluations += width(z, self.samples)
        tangent = tangent_of(z)
        if tangent is not None:
            self.count_product(tangent)
        value = self._function(z)
        if value.requires_grad:
            value.register_hook(self.count_product)
        return value

    def count_product(self, vector: Tensor) -> None:
        """Count a product of the Jacobian and `vector`; a hook of each recorded value calls it."""
        self.vjps += width(vector, self.samples)


class ImplicitLayer(nn.Module):
    """T(z; y, θ) for one layer formula and operator.

    `condition` computes once what does not depend on z: the spectral normalisation, Aᵀy and the
    thresholds. A training step pays for them once, whatever the number of evaluations.
    """

    def __init__(self, formula: Layer, physics: Any, channels: int) -> None:
        super().__init__()
        self.formula = formula
        self.physics = physics
        self.log_strength = nn.Parameter(torch.tensor(math.log(formula.strength)))
        size = formula.filter_size, formula.group, formula.threshold, formula.guide_features
        blocks = (ConvexPotentialBlock(channels, *size) for _ in range(formula.blocks))
        self.blocks = nn.ModuleList(blocks)

    def condition(self, observed: Tensor) -> tuple[FixedPointMap, Tensor]:
        """The map T(.; y, θ) for y (N, ...), and the starting point z₀ (N, C, H, W)."""
        data = DataTerm(self.physics, observed)
        start = data.proximal(torch.zeros_like(data.adjoint), self.formula.start_regularisation)
        blocks = [block(start) for block in self.blocks]
        strength = self.log_strength.exp()

        def function(z: Tensor) -> Tensor:
            denoised = z
            for block in blocks:
                denoised = block(denoised)
            denoised = torch.lerp(start, denoised, self.formula.lipschitz)
            return self.formula.apply(z, denoised, data, strength)

        bound = self.formula.contraction_bound(data, strength)
        return FixedPointMap(function, bound, len(observed)), start
