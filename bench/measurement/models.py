"""What the trainer trains: one face for implicit and feed-forward networks."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from bench.config.settings import ForwardConfig, RunConfig
from bench.measurement.cache import cache_folder
from methods.base import FeedForwardMethod, GradientMethod
from methods.networks.implicit_layer import ImplicitLayer
from methods.networks.implicit_layer.contraction import jacobian_norm
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.trace import Trace
from methods.training.pretraining import pretrain
from problems.base import observed_image
from problems.seeds import derive_seed


class TrainedModel(ABC):
    """A model with weights; it counts the evaluations and VJPs of its training."""

    module: nn.Module
    evaluations: int = 0
    vjps: int = 0
    learning_rate_factor: float = 1.0  # times that of the trainer
    iterations: int = 1  # the most that a batch took in `reconstruct`; set to 1 to start afresh

    def __init__(self) -> None:
        self.trace = Trace()  # of the solves in training
        self.test_trace = Trace()  # of those in `reconstruct`; replaced to start afresh
        self.method_state: dict[str, Any] = {}  # what a method keeps from step to step
        # The last fixed point of each training image, by its index; None: z₀ is the start.
        self.fixed_points: dict[int, Tensor] | None = None

    def parameters(self) -> Iterator[nn.Parameter]:
        """What the optimiser updates."""
        return self.module.parameters()

    @abstractmethod
    def image(self, observed: Tensor, samples: Tensor | None = None) -> Tensor:
        """The image for y (N, ...), with a graph for training.

        samples: the indices (N,) of the batch among the training images.
        """

    @abstractmethod
    def reconstruct(self, observed: Tensor) -> Tensor:
        """The image at test time, without a graph."""

    def at_iterations(self, count: int, *, exactly: bool = False) -> TrainedModel:
        """The same weights with at most, or exactly, `count` forward iterations."""
        return self

    def count(self) -> None:  # noqa: B027 - a network without a layer has nothing to count
        """Bring the counts up to date after a backward pass."""

    def pretrain(self, clean: Tensor, config: RunConfig) -> float:
        """Train the network of a layer as a denoiser, if it asks for that; the seconds."""
        return 0.0

    def contraction(self, observed: Tensor) -> float:
        """The measured contraction factor at the reconstruction of y; NaN without a layer."""
        return float("nan")


class ImplicitModel(TrainedModel):
    """An implicit layer, a gradient method and the shared forward solver."""

    def __init__(
        self,
        method: GradientMethod,
        layer: ImplicitLayer,
        solver: Solver,
        fixed_points: dict[int, Tensor] | None = None,
    ) -> None:
        super().__init__()
        self.fixed_points = fixed_points
        self.method, self.module, self._solver = method, layer, solver
        self._layer = layer
        self._last: Any = None  # the map of the last training step, whose VJPs come later

    def image(self, observed: Tensor, samples: Tensor | None = None) -> Tensor:
        """z of the gradient method, with its graph."""
        self._last, start = self._layer.condition(observed)
        kept = self.method_state, samples, self.fixed_points
        forward = ForwardSolver(self._solver, self.trace, *kept)
        return self.method.fixed_point(self._last, start, forward)

    def count(self) -> None:
        """Add the evaluations and VJPs of the last step."""
        self.evaluations += self._last.evaluations
        self.vjps += self._last.vjps
        self._last = None

    @torch.no_grad()
    def reconstruct(self, observed: Tensor) -> Tensor:
        """The fixed point, or what the method puts in its place at test time."""
        layer, start = self._layer.condition(observed)
        image = self.method.reconstruct(layer, start, ForwardSolver(self._solver, self.test_trace))
        self.iterations = max(self.iterations, layer.evaluations)
        return image

    def at_iterations(self, count: int, *, exactly: bool = False) -> ImplicitModel:
        """The same weights with at most, or exactly, `count` forward iterations."""
        tolerance = 0.0 if exactly else self._solver.tolerance
        solver = replace(self._solver, max_iterations=count, tolerance=tolerance)
        method = self.method.at_iterations(count)
        limited = ImplicitModel(method, self._layer, solver, self.fixed_points)
        limited.method_state = self.method_state
        return limited

    def pretrain(self, clean: Tensor, config: RunConfig) -> float:
        """Train N_θ as a denoiser of the clean images (N, C, H, W), or load it from the cache."""
        every = config.checkpoint_every_seconds
        return pretrain(self._layer, clean, config.seed, cache_folder(), every)

    def contraction(self, observed: Tensor) -> float:
        """The largest operator norm of the Jacobian of T at the reconstructions of y."""
        layer, _ = self._layer.condition(observed)
        return jacobian_norm(layer, self.reconstruct(observed))


class FeedForwardModel(TrainedModel):
    """A network from y to x.

    as_image: makes of y what the network takes, an image shaped as x; by default y is one.
    """

    def __init__(
        self, network: nn.Module, as_image: Callable[[Tensor], Tensor] = lambda observed: observed
    ) -> None:
        super().__init__()
        self.module, self._as_image = network, as_image

    def image(self, observed: Tensor, samples: Tensor | None = None) -> Tensor:
        """The output of the network."""
        image: Tensor = self.module(self._as_image(observed))
        return image

    @torch.no_grad()
    def reconstruct(self, observed: Tensor) -> Tensor:
        """The output of the network, without a graph."""
        return self.image(observed)


def build_model(config: RunConfig, physics: Any) -> TrainedModel:
    """The model of one run; its first weights depend on the seed, layer and network alone."""
    channels = config.problem.channels
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(config.seed, "weights"))
        if isinstance(config.method, FeedForwardMethod):
            network = config.method.network(channels)
            as_image = partial(observed_image, config.problem, physics)
            model = FeedForwardModel(network.to(config.device), as_image)
            model.learning_rate_factor = config.method.learning_rate_factor
            return model
        layer = ImplicitLayer(config.layer, physics, channels, config.network).to(config.device)
    fixed_points: dict[int, Tensor] | None = {} if config.forward.start == "previous" else None
    return ImplicitModel(config.method, layer, solver_of(config.forward), fixed_points)


def solver_of(forward: ForwardConfig) -> Solver:
    """The forward solver of a configuration."""
    return Solver(forward.solver, forward.tolerance, forward.max_iterations, forward.memory)
