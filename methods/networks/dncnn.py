"""The network of the seed paper."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench.config.parameters import parameter
from bench.registry import register_network
from methods.networks.base import Network, Tensor

if TYPE_CHECKING:
    from torch import nn


@register_network("dncnn")
@dataclass(frozen=True)
class SpectralDnCNN(Network):
    """DnCNN, spectrally normalised: z - F_θ(z), where F_θ predicts the noise; no guarantee.

    depth: convolutions; features: their channels; norm: the operator norm of each, as an operator
    on images and not as a matrix of filters (0: as it is); norm_iterations: of the Lanczos
    method that measures it; batch_norm: after each inner convolution, with the statistics of the
    batch, on which T then depends; start: the first filters, PyTorch's own ("random") or orthogonal
    in the channels and zero but in the centre (Xiao et al., ICML 2018). A chain of 17 convolutions
    of norm 1 multiplies an image by about 1e-8 with the former, and learns nothing. F_θ is
    1-Lipschitz with norm=1, but z - F_θ(z) only 2-Lipschitz: T need not contract. With
    layer.lipschitz=1 it is R_θ of Liu, Tong, Zhao, 2024.
    Sources: Zhang et al., "Beyond a Gaussian Denoiser", IEEE TIP 2017; Ryu et al., "Plug-and-Play
    Methods Provably Converge with Properly Trained Denoisers", ICML 2019.
    """

    depth: int = parameter(17, at_least=3)
    features: int = parameter(64, at_least=1)
    norm: float = parameter(1.0, at_least=0)
    norm_iterations: int = parameter(8, at_least=1)
    batch_norm: bool = False
    start: str = parameter("random", one_of=("random", "orthogonal"))

    def module(self, channels: int) -> nn.Module:
        """The untrained chain."""
        from methods.networks.modules.residual_network import ResidualNetwork

        network = ResidualNetwork(channels, self.depth, self.features, self.batch_norm)
        if self.start == "orthogonal":
            network.start_orthogonal()
        return network

    def bind(self, module: nn.Module, start: Tensor) -> Callable[[Tensor], Tensor]:
        """The chain with normalised filters."""
        height, width = start.shape[-2:]
        bound: Callable[[Tensor], Tensor] = module.bind(  # type: ignore[operator]
            height, width, self.norm, self.norm_iterations
        )
        return bound
