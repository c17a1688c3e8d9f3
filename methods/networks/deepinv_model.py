"""Any denoiser of deepinv.models as the network of a layer."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.parameters import parameter
from bench.registry import register_network
from methods.networks.base import Network, Tensor

if TYPE_CHECKING:
    from torch import nn


@register_network("deepinv")
@dataclass(frozen=True)
class DeepinvModel(Network):
    """A denoiser of deepinv.models, with weights of its own to train; no guarantee.

    model: the name of its class, such as DnCNN, UNet, DRUNet or GSDRUNet; sigma: the noise level
    that is given to one which asks for it. Source: Tachella et al., "DeepInverse", JOSS 2025.
    """

    model: str = "DnCNN"
    sigma: float = parameter(0.05, above=0)

    def module(self, channels: int) -> nn.Module:
        """The untrained model; UserError if there is none of this name, or it cannot be built."""
        cls = _class_called(self.model)
        wanted = {"in_channels": channels, "out_channels": channels, "pretrained": None}
        known = inspect.signature(cls).parameters
        from bench.errors import blaming

        with blaming(f"network.model={self.model}", plainly=(Exception,)):
            module: nn.Module = cls(**{key: each for key, each in wanted.items() if key in known})
        return module

    def bind(self, module: nn.Module, start: Tensor) -> Callable[[Tensor], Tensor]:
        """The model, at the noise level."""
        if "sigma" in inspect.signature(module.forward).parameters:
            return lambda z: module(z, sigma=self.sigma)
        return module


def _class_called(name: str) -> Any:
    import deepinv.models
    from torch import nn

    from bench.errors import unknown_name

    cls = getattr(deepinv.models, name, None)
    if not (isinstance(cls, type) and issubclass(cls, nn.Module)):
        names = (each for each, it in vars(deepinv.models).items() if isinstance(it, type))
        raise unknown_name("model of deepinv", name, names)
    return cls
