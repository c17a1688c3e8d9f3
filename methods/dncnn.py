"""DnCNN as a feed-forward baseline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.registry import register_method
from methods.base import FeedForwardMethod

if TYPE_CHECKING:
    from torch import nn


@register_method("dncnn")
@dataclass(frozen=True)
class FeedForwardDnCNN(FeedForwardMethod):
    """DnCNN: a convolutional network from the observed to the clean image, without the operator A.

    `depth` convolutions of `features` channels predict x - y, where y stands for the problem's
    `as_image` (which uses A if y has another shape than x). It is trained on the same pairs, for
    the same number of steps, as the gradient methods. Source: Zhang et al., "Beyond a Gaussian
    Denoiser", IEEE TIP 2017, in deepinv's version.
    """

    depth: int = parameter(8, at_least=3)
    features: int = parameter(32, at_least=1)

    def network(self, channels: int) -> nn.Module:
        """The untrained network."""
        from deepinv.models import DnCNN

        network: nn.Module = DnCNN(
            channels, channels, depth=self.depth, nf=self.features, pretrained=None
        )
        return network
