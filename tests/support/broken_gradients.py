"""Methods whose gradient is wrong in a way that the usual cases at the limit do not show."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Self

import torch
from torch import Tensor

from methods.base import GradientMethod
from methods.ift import ImplicitFunctionTheorem
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import FixedPointMap
from methods.neumann import NeumannSeries
from methods.reversible import ReversibleIteration
from methods.shine import SharedInverse
from methods.solvers.adjoint import AdjointSolver, attach_adjoint, attach_implicit_gradient
from methods.solvers.broyden import BroydenInverse
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solution
from methods.solvers.products import JacobianProducts
from methods.solvers.reversible import Pair, Reversible
from methods.solvers.samples import binary_scale
from methods.solvers.trace import Trace
from methods.unrolling import Unrolling

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class Truncated(Unrolling):
    """Unrolling that differentiates fewer steps than it says."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return Unrolling(self.steps, truncate=self.steps - 1).fixed_point(layer, z0, forward)


@dataclass(frozen=True)
class WrongWayBack(ReversibleIteration):
    """A reversible iteration that goes back to T(u): right where u is the fixed point."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return _WrongWay(self.beta).iterate(layer, z0, self.steps)[0]


@dataclass(frozen=True)
class _WrongWay(Reversible):
    def back(self, pair: Pair, value: Tensor) -> Pair:
        return Pair(pair.index - 1, value.detach().double(), pair.here)


class _Changed(torch.autograd.Function):
    """The identity, with a change of what passes back."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, change: Change) -> Tensor:
        ctx.change = change
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        return ctx.change(cotangent), None


def first_channel(w: Tensor) -> Tensor:
    """Channel 0 alone."""
    return torch.cat([w[:, :1], torch.zeros_like(w[:, 1:])], 1)


def swapped_channels(w: Tensor) -> Tensor:
    """The channels in another order."""
    return w.flip(1)


def without_the_last_sample(w: Tensor) -> Tensor:
    """Zero for the last sample of a batch."""
    return torch.cat([w[:-1], torch.zeros_like(w[-1:])]) if len(w) > 1 else w


def thousandfold(w: Tensor) -> Tensor:
    """1000 w."""
    return 1000 * w


@dataclass(frozen=True, repr=False)
class Altered(JacobianFreeBackpropagation):
    """JFB with a change of w."""

    change: Change = first_channel

    def __repr__(self) -> str:
        """Without an address: the name of a test is the same in every process."""
        return f"{type(self).__name__}({self.change.__name__})"

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value: Tensor = _Changed.apply(layer(forward(layer, z0)), self.change)
        return value


@dataclass(frozen=True, repr=False)
class Unstated(Altered):
    """States no formula."""

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> None:
        return None


@dataclass(frozen=True)
class FewSteps(GradientMethod):
    """A few adjoint iterations, which are enough at the limit only; says nothing of them."""

    steps: int = 6

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        few = AdjointSolver("fixed_point", 1e-13, self.steps)
        return attach_implicit_gradient(layer, forward(layer, z0), few, Trace())

    def at_limit(self) -> Self:
        return replace(self, steps=2000)


@dataclass(frozen=True)
class AlwaysConverged(FewSteps):
    """The same, reported as converged."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = super().fixed_point(layer, z0, forward)
        z = image.detach()
        forward.trace.adjoint.add(Solution(z, (0.0,) * len(z), self.steps, 1e-6))
        return image


@dataclass(frozen=True)
class FirstSampleOnly(ImplicitFunctionTheorem):
    """Reports the convergence of all samples, of which only the first was solved for."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, g: Tensor) -> Tensor:
            solution = AdjointSolver(self.solver, self.tolerance, 60).solve(products, g)
            forward.trace.adjoint.add(solution)
            late = torch.arange(len(g)).view(-1, 1, 1, 1) > 0
            return torch.where(late & (self.tolerance > 1e-6), g, solution.value)

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class OtherAtLimit(JacobianFreeBackpropagation):
    """At its limit it is another method."""

    def at_limit(self) -> Any:
        return JacobianFreeBackpropagation()


@dataclass(frozen=True)
class OtherFormulaAtLimit(JacobianFreeBackpropagation):
    """At its limit it states another formula."""

    factor: float = 0.5

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = layer(forward(layer, z0))
        return value.detach() + self.factor * (value - value.detach())

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor:
        return self.factor * cotangent

    def at_limit(self) -> Self:
        return replace(self, factor=1.0)


@dataclass(frozen=True)
class TermMissing(NeumannSeries):
    """One term too few from the ninth on."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        terms = self.terms - (self.terms > 8)
        return NeumannSeries(terms).fixed_point(layer, z0, forward)


@dataclass(frozen=True)
class Loosened(JacobianFreeBackpropagation):
    """Solves 100 times less accurately than it was told to."""

    training: bool = True
    testing: bool = True
    last_sample_only: bool = False

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(self._solve(layer, z0, forward, self.training))

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return self._solve(layer, z0, forward, self.testing)

    def _solve(
        self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver, loosely: bool
    ) -> Tensor:
        if not loosely or forward.solver.tolerance < 1e-5:
            return forward(layer, z0)
        if self.last_sample_only:
            return torch.cat([forward(layer, z0)[:-1], z0[-1:]])
        solver = replace(forward.solver, tolerance=100 * forward.solver.tolerance)
        return ForwardSolver(solver, forward.trace)(layer, z0)


@dataclass(frozen=True)
class StopsAsABatch(JacobianFreeBackpropagation):
    """Iterates T until the whole batch has converged."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        with torch.no_grad():
            z = value = z0
            for _ in range(400):
                z, value = value, layer(value)
                if (value - z).norm() <= forward.solver.tolerance * value.norm():
                    break
        forward.report_residual(z, value, 1)
        return layer(value)


@dataclass(frozen=True)
class Underflows(ImplicitFunctionTheorem):
    """Tells a gradient from zero by its square."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, g: Tensor) -> Tensor:
            square = g.square().sum()
            usable = (square > 0) & square.isfinite()
            solution = AdjointSolver("gmres", self.tolerance).solve(products, g)
            return torch.where(usable, solution.value, torch.zeros_like(g))

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class WrongShine(SharedInverse):
    """SHINE with H in place of Hᵀ, with an update less, or without its fall-back."""

    wrong: str = "transposed"

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        inverse = BroydenInverse(z0)
        with torch.no_grad():
            solver = replace(forward.solver, name="broyden")
            solution = solver.solve(layer, z0, propose=inverse)
        forward.trace.forward.add(solution)
        if self.wrong == "update":
            inverse.used -= 1
        fallback = 1e9 if self.wrong == "fallback" else self.fallback

        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            scale = binary_scale(cotangent)
            g = (cotangent / scale).flatten(1)
            apply = inverse.apply if self.wrong == "transposed" else inverse.apply_transposed
            w = apply(g)
            small = w.norm(dim=1, keepdim=True) <= fallback * g.norm(dim=1, keepdim=True)
            return torch.where(small, w, g).view_as(cotangent) * scale

        return attach_adjoint(layer, solution.value, rule)


@dataclass(frozen=True)
class TwiceForTheWeights(JacobianFreeBackpropagation):
    """JFB whose gradient of y and of the offset is right, and that of λ is not."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)
        value = layer(z)
        other = layer(0.5 * z)
        return value + other - other.detach() - (value - value.detach()) * 0.5
