"""Methods whose gradient is drawn: two right ones, and some that are wrong in one way each."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import attach_adjoint
from methods.solvers.forward import ForwardSolver
from methods.solvers.neumann import partial_sum
from methods.solvers.products import JacobianProducts

SURE = 3  # terms that are never left out


@dataclass(frozen=True)
class RussianRoulette(GradientMethod):
    """The Neumann series, ended at random; a term that is reached with probability p counts 1/p.

    Unbiased. It draws from Python's `random`.
    """

    stochastic: ClassVar[bool] = True

    survival: float = 0.9

    def uniform(self) -> float:
        """A number in [0, 1)."""
        return random.random()

    def weight(self, reached: float) -> float:
        """Of a term that is reached with this probability."""
        return 1 / reached

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            total = term = cotangent
            reached = 1.0
            for index in range(1, 2000):
                if index >= SURE:
                    if self.uniform() >= self.survival:
                        break
                    reached *= self.survival
                term = products.transposed(term)
                total = total + self.weight(reached) * term
            return total

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class RandomTerms(GradientMethod):
    """As many Neumann terms as a die of NumPy says, 1 to 6, for each sample of the batch."""

    stochastic: ClassVar[bool] = True

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            counts = torch.from_numpy(np.random.randint(1, 7, len(cotangent)))
            total = term = cotangent
            for index in range(1, 6):
                term = products.transposed(term)
                total = total + term * (counts > index).view(-1, 1, 1, 1).to(term)
            return total

        return attach_adjoint(layer, forward(layer, z0), rule)

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor:
        return sum(partial_sum(jacobian, cotangent, k) for k in range(1, 7)) / 6  # type: ignore[return-value]


@dataclass(frozen=True)
class WrongRate(RussianRoulette):
    """Corrects for a probability that is not the one by which it ends."""

    def weight(self, reached: float) -> float:
        return reached**-1.2


@dataclass(frozen=True)
class Biased(RussianRoulette):
    """A gradient that is too long."""

    length: float = 1.05

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = super().fixed_point(layer, z0, forward)
        return value.detach() + self.length * (value - value.detach())


@dataclass(frozen=True)
class Uncorrected(RussianRoulette):
    """The truncated series as it is."""

    def weight(self, reached: float) -> float:
        return 1.0


@dataclass(frozen=True)
class OwnGenerator(RussianRoulette):
    """Draws from a generator that nobody seeds."""

    def uniform(self) -> float:
        return random.SystemRandom().random()


@dataclass(frozen=True)
class Reseeds(RussianRoulette):
    """Seeds the generator that it draws from."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = super().fixed_point(layer, z0, forward)
        if value.requires_grad:
            value.register_hook(_reseed)
        return value


def _reseed(_: Tensor) -> None:
    random.seed(0)


@dataclass(frozen=True)
class NotDrawn(GradientMethod):
    """Says that it is stochastic, and draws nothing."""

    stochastic: ClassVar[bool] = True

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(forward(layer, z0))

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor:
        return cotangent
