"""The U-Net as a feed-forward baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FeedForwardMethod

if TYPE_CHECKING:
    from torch import nn


LAST_LAYER_SCALE = 0.01  # of its first filters: the network starts near the identity


@register_method("unet")
@dataclass(frozen=True)
class FeedForwardUNet(FeedForwardMethod):
    """U-Net: an encoder and a decoder with skip connections, without the operator A.

    It predicts x - y at `scales` resolutions, with `features` channels at the finest and twice as
    many at each coarser one. It has no batch normalisation, so that an image does not depend on
    others, and starts near the identity. Sources: Ronneberger, Fischer, Brox, MICCAI 2015, in
    deepinv's version; for reconstruction, Jin, McCann, Froustey, Unser, IEEE TIP 2017.
    """

    scales: int = parameter(3, at_least=2, at_most=6)
    features: int = parameter(16, at_least=1)

    def network(self, channels: int) -> nn.Module:
        """The untrained network."""
        from deepinv.models import UNet

        from methods.networks.modules.first_weights import start_near_identity

        widths = [self.features * 2**scale for scale in range(self.scales)]
        network: nn.Module = UNet(channels, channels, batch_norm=False, channels_per_scale=widths)
        start_near_identity(network, "Conv_1x1.weight", LAST_LAYER_SCALE)
        return network
