"""The convex potential block, of which a chain is a non-expansive network.

A block is z - h Wᵀ φ_τ(W z), with |W| = 1 in operator norm, 0 < h < 2 and φ_τ the gradient of a
convex function, of slope at most 1; it is the gradient step of a learned convex function, and so
1-Lipschitz: Meunier et al., "A Dynamical System Perspective for Lipschitz Neural Networks", ICML
2022, theorem 1. The thresholds τ depend on the starting point, not on z, so that the bound holds
for any values.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

from methods.networks.modules.potential_step import PotentialStep

PERTURBATION = 0.01  # of the first filters, so that blocks and seeds differ


def circular_norm(weight: Tensor, height: int, width: int) -> Tensor:
    """The operator norm of a circular convolution of one channel to many, on height × width.

    weight: (F, 1, k, k). At each frequency the operator is a column of F numbers, whose norm is
    its singular value: σ = max_ω (Σ_f |ŵ_f(ω)|²)^½, exactly (Sedghi et al., ICLR 2019, th. 5).
    """
    spectrum = torch.fft.rfft2(weight[:, 0], s=(height, width))
    norm: Tensor = spectrum.abs().square().sum(0).max().sqrt()
    return norm


def cosine_filters(size: int) -> Tensor:
    """The discrete cosine basis of size × size pixels without its mean: (size² - 1, 1, k, k)."""
    position = torch.arange(size) + 0.5
    basis = torch.stack([torch.cos(math.pi / size * position * order) for order in range(size)])
    basis = basis / basis.norm(dim=1, keepdim=True)
    return torch.einsum("ia,jb->ijab", basis, basis).reshape(size**2, 1, size, size)[1:]


class ConvexPotentialBlock(nn.Module):
    """z - h Wᵀ φ_τ(W z): each colour has the same filters, and the thresholds couple the colours.

    `guide`, a chain of convolutions, maps z₀ to the logarithm of a factor of τ, for each pixel and
    each group of filters.
    """

    def __init__(
        self, channels: int, filter_size: int, group: int, threshold: float, guide_features: int
    ) -> None:
        super().__init__()
        filters = cosine_filters(filter_size)
        self.weight = nn.Parameter(filters + PERTURBATION * torch.randn_like(filters))
        groups = len(filters) // group
        self.log_threshold = nn.Parameter(torch.full((groups, 1, 1), math.log(threshold)))
        self.step = nn.Parameter(torch.zeros(()))
        self.guide = _guide(channels, guide_features, groups)

    def forward(self, start: Tensor) -> Callable[[Tensor], Tensor]:
        """The block as a map of z, for the starting point z₀ (N, C, H, W)."""
        weight = self.weight / circular_norm(self.weight, *start.shape[-2:])
        centred = start - start.mean((2, 3), keepdim=True)
        threshold = (self.log_threshold + self.guide(centred)).exp()
        return PotentialStep(weight, threshold, 2 * torch.sigmoid(self.step))


def _guide(channels: int, features: int, groups: int) -> nn.Sequential:
    last = nn.Conv2d(features, groups, 3, padding=1)
    nn.init.zeros_(last.weight)  # so that training starts from one threshold everywhere
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(
        nn.Conv2d(channels, features, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(features, features, 3, padding=1),
        nn.ReLU(),
        last,
    )
