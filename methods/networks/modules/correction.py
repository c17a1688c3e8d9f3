"""A network as a correction of its input."""

from __future__ import annotations

import torch
from torch import Tensor, nn

FIRST_SCALE = 0.1  # of the correction: training begins near the identity


class Correction(nn.Module):
    """x -> x + s · network(x), for (N, C, H, W), with a learned scalar s."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network
        self.scale = nn.Parameter(torch.tensor(FIRST_SCALE))

    def forward(self, x: Tensor) -> Tensor:
        """The input with its correction."""
        corrected: Tensor = x + self.scale * self.network(x)
        return corrected
