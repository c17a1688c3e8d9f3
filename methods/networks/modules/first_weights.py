"""The first weights of networks whose output is a correction of their input."""

from __future__ import annotations

import torch
from torch import nn


def start_near_identity(
    network: nn.Module, last: str, scale: float, generator: torch.Generator | None = None
) -> None:
    """He et al.'s normal initialisation of the filters, zero for biases; `last` is times `scale`.

    network: x -> x + F(x), of convolutions with ReLU between them; last: the name of the last
    filters of F; generator: by default the global one. Source: He et al., "Delving Deep into
    Rectifiers", ICCV 2015.
    """
    with torch.no_grad():
        for parameter in network.parameters():
            if parameter.ndim == 4:
                deviation = (2 / parameter[0].numel()) ** 0.5
                parameter.copy_(deviation * torch.randn(parameter.shape, generator=generator))
            else:
                parameter.zero_()
        network.get_parameter(last).mul_(scale)
