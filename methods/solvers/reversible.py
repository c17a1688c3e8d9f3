"""A reversible fixed-point iteration, whose backward pass reconstructs the iterates.

    u₋₁ = u₀ = z₀,    uₖ₊₁ = (1 - β) uₖ₋₁ + β T(uₖ)

and backwards uₖ₋₁ = (uₖ₊₁ - β T(uₖ)) / (1 - β). With y = u at odd and z = u at even k these are the
two coupled updates of McCallum, Arora, Foster, "Reversible Deep Equilibrium Models", 2025.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from methods.metrics import report_metric
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.recomputation import Recomputation, repeatable


@dataclass(frozen=True)
class Pair:
    """uₖ and uₖ₊₁, in double precision, without a graph."""

    index: int
    here: Tensor
    ahead: Tensor


@dataclass(frozen=True)
class Reversible:
    """The iteration for β = beta; a pair is stored every `every` steps, or the last one if 0.

    The sums are computed in double precision and T in that of z₀: so what is divided by 1 - β again
    and again are the rounding errors of doubles.
    """

    beta: float
    every: int = 0

    def iterate(self, layer: FixedPointMap, z0: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        """u of the last step, recorded, and an upper bound of its |T(u) - u| (N,).

        z0 (N, C, H, W); steps >= 1 evaluations of T, which is assumed to be non-expansive: then
        |T(uₙ) - uₙ| <= |T(uₙ₋₁) - uₙ| + |uₙ - uₙ₋₁|.
        """
        with repeatable(z0.device):
            return self._iterate(layer, z0, steps)

    def _iterate(self, layer: FixedPointMap, z0: Tensor, steps: int) -> tuple[Tensor, Tensor]:
        walk = Walk(self, layer, z0)
        before = here = z0.to(torch.float64, copy=True)
        for k in range(steps):
            point = here.to(z0.dtype)
            # The last step costs no recomputation, and no memory that the others do not need too.
            value = layer(point) if k == steps - 1 else walk.record(k, point)
            ahead = torch.lerp(before, value.double(), self.beta)
            if self._is_stored(k, steps):
                walk.keep(Pair(k, here.detach(), ahead.detach()))
            before, here = here, ahead
        distances = (value - here).detach(), (here - before).detach()
        bound = torch.stack([each.flatten(1).norm(dim=1) for each in distances]).sum(0)
        return here.to(z0.dtype), bound

    def _is_stored(self, k: int, steps: int) -> bool:
        last = steps - 2  # that is recomputed
        return k == last or (k < last and self.every > 0 and (k + 1) % self.every == 0)

    def back(self, pair: Pair, value: Tensor) -> Pair:
        """The pair before, from value = T(uₖ)."""
        before = torch.lerp(pair.ahead, value.detach().double(), self.beta / (self.beta - 1))
        return Pair(pair.index - 1, before, pair.here)


class Walk:
    """The way back through the iterates, one evaluation of T a step.

    It can be asked for the steps in any order. In that of a backward pass it makes each step once.
    """

    def __init__(self, rule: Reversible, layer: FixedPointMap, z0: Tensor) -> None:
        self._rule, self._layer = rule, layer
        self._z0, self._learned = z0.detach(), z0.requires_grad
        self._stored: list[Pair] = []
        self._pair: Pair | None = None
        self._recomputation = Recomputation()

    def keep(self, pair: Pair) -> None:
        """Store a pair, from which the way back can begin."""
        if torch.is_grad_enabled():
            self._stored.append(pair)

    def record(self, k: int, point: Tensor) -> Tensor:
        """T at uₖ, of which only the graph is kept."""
        needs_gradient = point.requires_grad
        return self._recomputation.record(
            lambda: self._layer(point), lambda: self._again(k, needs_gradient)
        )

    def _again(self, k: int, needs_gradient: bool) -> None:
        """Repeat T at uₖ, reconstructed, and take the step before it from its value."""
        with torch.no_grad():
            pair = self._nearest(k)
            while pair.index > k:
                pair = self._rule.back(pair, self._layer(pair.here.to(self._z0.dtype)))
        point = pair.here.to(self._z0.dtype, copy=True).requires_grad_(needs_gradient)
        self._pair = self._rule.back(pair, self._layer(point))
        if k == 0:
            report_metric("inversion_error", _relative_error(pair.here, self._z0))

    def _nearest(self, k: int) -> Pair:
        """The nearest pair from step k on: a stored one, or the last that was reconstructed."""
        stored = min((p for p in self._stored if p.index >= k), key=lambda p: p.index)
        if self._pair is not None and k <= self._pair.index < stored.index:
            return self._pair
        return stored


def _relative_error(found: Tensor, expected: Tensor) -> Tensor:
    size = torch.linalg.vector_norm(expected).clamp_min(torch.finfo(expected.dtype).tiny)
    error: Tensor = torch.linalg.vector_norm(found - expected) / size
    return error
