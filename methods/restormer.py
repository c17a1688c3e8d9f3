"""Restormer as a feed-forward baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FeedForwardMethod

if TYPE_CHECKING:
    from torch import nn


COARSENINGS = 3  # each halves the image


@register_method("restormer")
@dataclass(frozen=True)
class FeedForwardRestormer(FeedForwardMethod):
    """Restormer: a transformer with attention between channels, without the operator A.

    It predicts x - y at four resolutions, with `features` channels at the finest, twice as many at
    each coarser one, and `blocks` blocks at each (as many more at the end). The published size is
    features=48 with 4, 6, 6 and 8 blocks; no published weights are used. Source: Zamir et al.,
    "Restormer: Efficient Transformer for High-Resolution Image Restoration", CVPR 2022, in
    deepinv's version.
    """

    features: int = parameter(8, at_least=1)
    blocks: int = parameter(1, at_least=1)

    def network(self, channels: int) -> nn.Module:
        """The untrained network."""
        from deepinv.models import Restormer

        from methods.networks.modules.padded import Padded

        network = Restormer(
            channels,
            channels,
            dim=self.features,
            num_blocks=(self.blocks,) * (COARSENINGS + 1),
            num_refinement_blocks=self.blocks,
            pretrained=None,
        )
        return Padded(network, 2**COARSENINGS)
