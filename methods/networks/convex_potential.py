"""The non-expansive network of the suite."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.registry import register_network
from methods.networks.base import Network, Tensor

if TYPE_CHECKING:
    from torch import nn


@register_network("convex_potential")
@dataclass(frozen=True)
class ConvexPotential(Network):
    """Convex potential blocks: gradient steps of learned convex functions, non-expansive.

    threshold: the initial size below which details are removed (learned); blocks: their number;
    filter_size: pixels, odd; group: filters that share a threshold; guide_features: the channels of
    the network that maps z₀ to the thresholds. Source: Meunier et al., "A Dynamical System
    Perspective for Lipschitz Neural Networks", ICML 2022.
    """

    non_expansive = True

    threshold: float = parameter(0.003, above=0)
    blocks: int = parameter(2, at_least=1)
    filter_size: int = parameter(3, at_least=3, odd=True)
    group: int = parameter(4, at_least=1)
    guide_features: int = parameter(16, at_least=1)

    def validate(self) -> None:
        """Raise ValueError unless the filters can be divided into groups."""
        if (self.filter_size**2 - 1) % self.group:
            raise ValueError(f"group={self.group}: must divide filter_size² - 1")

    def module(self, channels: int) -> nn.Module:
        """The untrained blocks."""
        from torch import nn

        from methods.networks.modules.potential_block import ConvexPotentialBlock

        size = self.filter_size, self.group, self.threshold, self.guide_features
        return nn.ModuleList(ConvexPotentialBlock(channels, *size) for _ in range(self.blocks))

    def bind(self, module: nn.Module, start: Tensor) -> Callable[[Tensor], Tensor]:
        """The chain of the blocks, with their filters normalised and their thresholds computed."""
        blocks = [block(start) for block in module.children()]
        return lambda z: reduce(lambda image, block: block(image), blocks, z)
