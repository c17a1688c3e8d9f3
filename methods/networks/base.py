"""What a network is: the learned map of images inside a layer."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, ClassVar

from bench.config.parameters import parameter

if TYPE_CHECKING:
    from torch import Tensor as Tensor
    from torch import nn
else:  # networks import it for annotations, without PyTorch
    Tensor = Any


@dataclass(frozen=True, kw_only=True)
class Network(ABC):
    """N_θ, from images (N, C, H, W) to images of the same shape, for any N, H and W.

    The denoiser of a layer is D_θ(z) = z₀ + ρ (N_θ(z) - z₀), with z₀ the starting point. Each image
    is to be mapped on its own: what batch normalisation does in training, for one, makes T depend
    on the other images of the batch.

    pretrain_steps: of training it to remove Gaussian noise of standard deviation `pretrain_sigma`
    from the training images, before the layer is trained; 0: none. pretrain_learning_rate: the
    largest of its cycle; a deep network may need a smaller one.
    """

    # Whether |N_θ(z) - N_θ(w)| <= |z - w| for any weights. Only then does a layer contract by
    # construction; else its contraction is only measured, and a run may diverge.
    non_expansive: ClassVar[bool] = False

    pretrain_steps: int = parameter(0, at_least=0)
    pretrain_sigma: float = parameter(0.05, above=0)
    pretrain_learning_rate: float = parameter(3e-3, above=0)

    @abstractmethod
    def module(self, channels: int) -> nn.Module:
        """The untrained module, for images of `channels` channels."""

    def bind(self, module: nn.Module, start: Tensor) -> Callable[[Tensor], Tensor]:
        """z -> N_θ(z) for a batch whose starting point is z₀ (N, C, H, W); by default, the module.

        What does not depend on z, such as normalised weights, is computed here, once for all the
        evaluations of a training step.
        """
        return module
