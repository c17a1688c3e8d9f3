"""The layer as a module: its weights, and the map T(.; y, θ) for a batch of observations."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor, nn

from methods.layers.base import Layer
from methods.layers.data_term import DataTerm
from methods.networks.base import Network
from methods.networks.convex_potential import ConvexPotential
from methods.networks.implicit_layer.fixed_point_map import FixedPointMap


class ImplicitLayer(nn.Module):
    """T(z; y, θ) for one layer formula, operator and network (by default, the suite's own).

    `condition` computes once what does not depend on z: the normalised weights, Aᵀy and the
    thresholds. A training step pays for them once, whatever the number of evaluations.
    """

    def __init__(
        self, formula: Layer, physics: Any, channels: int, network: Network | None = None
    ) -> None:
        super().__init__()
        self.formula = formula
        self.physics = physics
        self.network = network or ConvexPotential()
        self.log_strength = nn.Parameter(torch.tensor(math.log(formula.strength)))
        self.learned = self.network.module(channels)

    def condition(self, observed: Tensor) -> tuple[FixedPointMap, Tensor]:
        """The map T(.; y, θ) for y (N, ...), and the starting point z₀ (N, C, H, W)."""
        data = DataTerm(self.physics, observed)
        start = data.proximal(torch.zeros_like(data.adjoint), self.formula.start_regularisation)
        network = self.network.bind(self.learned, start)
        strength = self.log_strength.exp()

        def function(z: Tensor) -> Tensor:
            denoised = torch.lerp(start, network(z), self.formula.lipschitz)
            return self.formula.apply(z, denoised, data, strength)

        bound = self._contraction_bound(data, strength)
        return FixedPointMap(function, bound, len(observed)), start

    def _contraction_bound(self, data: DataTerm, strength: Tensor) -> Tensor:
        if self.network.non_expansive:
            return self.formula.contraction_bound(data, strength)
        return strength.new_tensor(math.inf)
