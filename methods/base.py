"""What a method is; docs/adding-a-method.md says how to add one.

A gradient method decides how dℓ/dθ is computed at the fixed point and nothing else; a feed-forward
method is a network from y to x; a tuned method has no weights of its own to train on pairs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from problems.data import Pairs

if TYPE_CHECKING:
    from torch import Tensor, nn

    from methods.networks.implicit_layer import FixedPointMap
    from methods.solvers.forward import ForwardSolver


@dataclass(frozen=True)
class GradientMethod(ABC):
    """How dℓ/dθ is computed at the fixed point z* = T(z*; y, θ)."""

    family: ClassVar[str] = "gradient"
    library: ClassVar[str] = ""  # the package whose own implementation an entry shows
    budget: ClassVar[tuple[str, tuple[int, ...]] | None] = None  # a parameter to spend more with

    @abstractmethod
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """z (N, C, H, W), with a graph whose backward pass is this method's gradient.

        layer: z -> T(z; y, θ), with y and the weights bound; z0: the starting point;
        forward(layer, z0): the fixed point, without a graph, by the solver that all share.
        """

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The image at test time: the fixed point, by the solver that all share."""
        return forward(layer, z0)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """w (n,) of wᵀ ∂T/∂θ, the gradient that this method stands for at z*; for `bench check`.

        jacobian: J = ∂T/∂z (n, n), dense; cotangent: g = ∂ℓ/∂z (n,). By default the exact one,
        (I - Jᵀ)⁻¹ g; an approximation states its own formula, None if it has none in J and g.
        """
        import torch

        system = torch.eye(len(cotangent)).to(jacobian) - jacobian.T
        w: Tensor = torch.linalg.solve(system, cotangent)
        return w

    def at_iterations(self, count: int) -> Self:
        """The method with `count` forward iterations, where it does not leave them to `forward`."""
        return self

    def at_limit(self) -> Self:
        """The method with its own tolerance and limits taken away, for `bench check`."""
        return self


@dataclass(frozen=True)
class FeedForwardMethod(ABC):
    """A network that maps the observation to the image, trained on the same pairs."""

    family: ClassVar[str] = "feedforward"

    @abstractmethod
    def network(self, channels: int) -> nn.Module:
        """The untrained network, (N, channels, H, W) to the same shape."""


@dataclass(frozen=True)
class Setting:
    """What a tuned method may use to prepare itself: training data only.

    physics: the operator A; noise_sigma: the noise level; train: pairs; seed: the run's seed;
    cache: a folder for what is expensive to make and depends on nothing else; a training there
    is kept every `checkpoint_every_seconds` (0: never), so that a killed one goes on.
    """

    physics: Any
    noise_sigma: float
    train: Pairs
    seed: int
    cache: Path
    checkpoint_every_seconds: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """A tuned method, ready: `within(iterations)` maps y to x; the seconds it cost, by kind.

    iterations: how many it makes unless it is told to make fewer.
    """

    within: Callable[[int], Callable[[Tensor], Tensor]]
    iterations: int
    tuned: dict[str, float]
    tune_seconds: float
    denoiser_train_seconds: float = 0.0

    @property
    def reconstruct(self) -> Callable[[Tensor], Tensor]:
        """From y to x, with all iterations."""
        return self.within(self.iterations)


@dataclass(frozen=True)
class TunedMethod(ABC):
    """A method with a few parameters, tuned on the training images."""

    family: ClassVar[str] = "variational"

    @abstractmethod
    def prepare(self, setting: Setting) -> Prepared:
        """Tune on `setting.train` and return what reconstructs images."""
