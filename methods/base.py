"""The three kinds of method; docs/adding-a-method.md says how to add one.

A gradient method decides how dℓ/dθ is computed at the fixed point, and nothing else. A feed-forward
method is a network from y to x. A tuned method has a few parameters, and is not trained on pairs.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import KW_ONLY, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

from bench.config.parameters import parameter
from methods.metrics import report_metric as report_metric
from problems.data import Pairs

if TYPE_CHECKING:
    from torch import Tensor as Tensor
    from torch import nn

    from methods.networks.implicit_layer import FixedPointMap as FixedPointMap
    from methods.solvers.forward import ForwardSolver as ForwardSolver
else:  # methods import these for annotations; a method loads PyTorch when it runs, not when listed
    FixedPointMap = ForwardSolver = Tensor = Any

Reconstruct = Callable[[Tensor], Tensor]  # y to x, both (N, C, H, W)


@dataclass(frozen=True)
class KeptMemory:
    """What is kept from the forward to the backward pass, and lives there at most at once.

    applications: recorded ones of T, with all that their derivatives need; beside those, images
    shaped as z: in its precision, and doubles. What is the same for any number of iterations need
    not be named.
    """

    applications: int
    images: int = 0
    doubles: int = 0


@dataclass(frozen=True)
class GradientMethod(ABC):
    """How dℓ/dθ is computed at the fixed point z* = T(z*; y, θ).

    A subclass is a frozen dataclass whose fields are the parameters. It may set, on the class:
    `library`, the package whose own implementation is run; `budget`, the parameter that buys a
    better gradient at a higher cost, and the values to try; `stochastic`, whether the gradient is
    drawn.
    """

    family: ClassVar[str] = "gradient"
    library: ClassVar[str] = ""  # the package whose own implementation is run
    # A parameter that buys a better gradient at a higher cost, and the values to try.
    budget: ClassVar[tuple[str, tuple[int, ...]] | None] = None
    # Whether the gradient is drawn, from the global generators of PyTorch, NumPy or Python; what
    # is stated of it then holds for its mean over the draws.
    stochastic: ClassVar[bool] = False

    @abstractmethod
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """z (N, C, H, W), with a graph whose backward pass is this method's gradient.

        layer: z -> T(z; y, θ), with y and the weights bound; z0: the starting point;
        forward(layer, z0): the fixed point, without a graph, by the shared solver; forward.state:
        what the method keeps from one training step to the next.
        """

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        """The image at test time: the fixed point, by the shared solver."""
        return forward(layer, z0)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor | None:
        """The w (n,) for which this method's gradient at z* is wᵀ ∂T/∂θ; for `bench check`.

        jacobian: J = ∂T/∂z (n, n), dense; cotangent: g = ∂ℓ/∂z (n,). By default the exact
        w = (I - Jᵀ)⁻¹ g. An approximation returns its own formula, or None if it has none in J, g.
        """
        import torch

        system = torch.eye(len(cotangent)).to(jacobian) - jacobian.T
        w: Tensor = torch.linalg.solve(system, cotangent)
        return w

    def stated_adjoint_of_path(
        self, points: Tensor, values: Tensor, cotangent: Tensor
    ) -> Tensor | None:
        """The same w (n,) for a method whose formula needs the path of its forward pass.

        points, values: the k arguments of T in their order, and T there, both (k, n), for a batch
        of one. By default None; asked for only where `stated_adjoint` returns None.
        """
        return None

    def differentiates_image(self) -> bool:
        """Whether the gradient is that of the image itself, even where this is no fixed point.

        True for a method that backpropagates through all of its own iterations; for `bench check`.
        """
        return False

    def stated_memory(self) -> KeptMemory | None:
        """What the backward pass needs, for `bench check` of a method with own iterations.

        `check` compares how it and the measured bytes grow from few to many iterations. By default
        None: nothing is stated.
        """
        return None

    def at_iterations(self, count: int) -> Self:
        """The method with `count` forward iterations, for one that does not use `forward`."""
        return self

    def at_limit(self) -> Self:
        """The method at its most accurate: a tiny tolerance, large limits; for `bench check`."""
        return self


@dataclass(frozen=True)
class FeedForwardMethod(ABC):
    """A network that maps y to x, trained on the same pairs as the gradient methods.

    learning_rate_factor: times `train.learning_rate`, which was chosen for the implicit layers; a
    deep network without normalisation may need a smaller one.
    """

    family: ClassVar[str] = "feedforward"

    _: KW_ONLY
    learning_rate_factor: float = parameter(1.0, above=0)

    @abstractmethod
    def network(self, channels: int) -> nn.Module:
        """The untrained network, (N, channels, H, W) to the same shape.

        Its input is y as an image: `problems.base.LinearProblem.as_image`.
        """


@dataclass(frozen=True)
class Setting:
    """What a tuned method may use to prepare itself: training data only.

    physics: the operator A; noise_sigma: the noise level; train: pairs; seed: that of the run;
    cache: a folder for weights that depend on nothing else; checkpoint_every_seconds: between two
    checkpoints of a training of such weights (0: none).
    """

    physics: Any
    noise_sigma: float
    train: Pairs
    seed: int
    cache: Path
    checkpoint_every_seconds: float = 0.0


@dataclass(frozen=True)
class Prepared:
    """A tuned method, ready to use, and what the preparation cost.

    within(count): the map from y to x with at most `count` iterations; iterations: the default
    count; tuned: the tuned parameters by name; learned: how many numbers a network of it learned.
    """

    within: Callable[[int], Reconstruct]
    iterations: int
    tuned: dict[str, float]
    tune_seconds: float
    denoiser_train_seconds: float = 0.0
    learned: int = 0

    @property
    def reconstruct(self) -> Reconstruct:
        """The map from y to x with the default number of iterations."""
        return self.within(self.iterations)


@dataclass(frozen=True)
class TunedMethod(ABC):
    """A method with a few parameters that are tuned on training images."""

    family: ClassVar[str] = "variational"

    @abstractmethod
    def prepare(self, setting: Setting) -> Prepared:
        """Tune the parameters on `setting.train`."""
