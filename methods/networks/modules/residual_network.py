"""The chain of convolutions of DnCNN, each of a given operator norm."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import torch
import torch.nn.functional as functional
from torch import Tensor, nn

from methods.networks.modules.spectral_norm import with_norm


class ResidualNetwork(nn.Module):
    """z -> z - F_θ(z), F_θ a chain of 3 × 3 convolutions without biases, with ReLU between them.

    It starts near the identity where `norm`, the operator norm of each convolution, is at most 1.
    batch_norm: after each inner convolution, with the statistics of the batch.
    """

    def __init__(self, channels: int, depth: int, features: int, batch_norm: bool) -> None:
        super().__init__()
        widths = [channels, *[features] * (depth - 1), channels]
        self.filters = nn.ParameterList(
            nn.Conv2d(before, after, 3, bias=False).weight for before, after in pairwise(widths)
        )
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(features, track_running_stats=False)
            for _ in range(depth - 2 if batch_norm else 0)
        )

    @torch.no_grad()
    def start_orthogonal(self) -> None:
        """Make each of the filters (o, i, 3, 3) semi-orthogonal in its centre, and zero around."""
        for weight in self.filters:
            centre = torch.empty(weight.shape[:2])
            nn.init.orthogonal_(centre)
            weight.zero_()
            weight[:, :, 1, 1] = centre

    def bind(
        self, height: int, width: int, norm: float, iterations: int
    ) -> Callable[[Tensor], Tensor]:
        """The map of images of height × width pixels; norm=0 leaves the filters as they are."""
        weights: list[Tensor] = list(self.filters)
        if norm:
            weights = [with_norm(each, norm, height, width, iterations) for each in weights]
        return lambda z: z - self._chain(z, weights)

    def _chain(self, z: Tensor, weights: list[Tensor]) -> Tensor:
        for index, weight in enumerate(weights):
            z = functional.conv2d(z, weight, padding=1)
            if self.norms and 0 < index < len(weights) - 1:
                z = self.norms[index - 1](z)
            if index < len(weights) - 1:
                z = functional.relu(z)
        return z
