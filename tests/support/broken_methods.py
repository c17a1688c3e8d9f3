"""Methods that are wrong in one way each; the contracts must refuse every one of them."""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import LayerCase
from methods.base import GradientMethod
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import FixedPointMap
from methods.phantom import PhantomGradient
from methods.solvers.adjoint import AdjointSolver, attach_adjoint, attach_implicit_gradient
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solution, Solver
from methods.solvers.products import JacobianProducts
from methods.solvers.trace import Trace

TIGHT_ADJOINT = Solver("anderson", tolerance=1e-12, max_iterations=1000)
Rule = Callable[[Tensor, Tensor, Tensor], Tensor]


def private_copy(case: LayerCase) -> LayerCase:
    """The same numbers in a layer of its own, which a broken method may damage."""
    return replace(case, layer=deepcopy(case.layer))


class _Rewritten(torch.autograd.Function):
    """The identity on T(z*) whose backward pass hands on rule(cotangent, T(z*), z*)."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, point: Tensor, rule: Rule) -> Tensor:
        ctx.save_for_backward(value, point)
        ctx.rule = rule
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None, None]:
        with torch.enable_grad():
            return ctx.rule(cotangent, *ctx.saved_tensors), None, None


def _with_rule(layer: FixedPointMap, z_star: Tensor, rule: Rule) -> Tensor:
    point = z_star.detach().requires_grad_()
    value: Tensor = _Rewritten.apply(layer(point), point, rule)
    return value


def _pull(value: Tensor, point: Tensor, w: Tensor) -> Tensor:
    """Jᵀ w."""
    return torch.autograd.grad(value, point, w, retain_graph=True)[0]


def _push(value: Tensor, point: Tensor, v: Tensor) -> Tensor:
    """J v, the derivative of u -> Jᵀu along v."""
    probe = torch.zeros_like(value, requires_grad=True)
    (pulled,) = torch.autograd.grad(value, point, probe, create_graph=True)
    return torch.autograd.grad(pulled, probe, v, retain_graph=True)[0]


def _implicit_rule(product: Callable[[Tensor, Tensor, Tensor], Tensor], sign: float = 1.0) -> Rule:
    def rule(cotangent: Tensor, value: Tensor, point: Tensor) -> Tensor:
        def adjoint_map(w: Tensor) -> Tensor:
            return cotangent + sign * product(value, point, w).detach()

        return TIGHT_ADJOINT.solve(adjoint_map, cotangent).value

    return rule


@dataclass(frozen=True)
class WrongSign(GradientMethod):
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return _with_rule(layer, forward(layer, z0), lambda cotangent, *_: -cotangent)


@dataclass(frozen=True)
class WrongSignInSystem(GradientMethod):
    """(I + Jᵀ) w = g."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return _with_rule(layer, forward(layer, z0), _implicit_rule(_pull, sign=-1.0))


@dataclass(frozen=True)
class TransposedJacobian(GradientMethod):
    """(I - J) w = g: right for a symmetric J only."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return _with_rule(layer, forward(layer, z0), _implicit_rule(_push))


@dataclass(frozen=True)
class DroppedTerm(GradientMethod):
    """w = Jᵀ (I - Jᵀ)⁻¹ g: the first term of the Neumann series is missing."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        solve = _implicit_rule(_pull)
        return _with_rule(layer, forward(layer, z0), lambda g, *at: solve(g, *at) - g)


@dataclass(frozen=True)
class PhantomWithoutCarry(PhantomGradient):
    """z ← damping T(z), with the value, but not the derivative, of (1 - damping) z."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)
        for _ in range(self.steps):
            z = (1 - self.damping) * z.detach() + self.damping * layer(z)
        return z


@dataclass(frozen=True)
class StepTooMany(JacobianFreeBackpropagation):
    """JFB through two applications of T."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(layer(forward(layer, z0)))


@dataclass(frozen=True)
class SwallowedNonConvergence(GradientMethod):
    """Eight adjoint iterations, which are claimed to have converged or not mentioned."""

    claims_convergence: bool = True

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        short = AdjointSolver("fixed_point", tolerance=1e-9, max_iterations=8)
        z = attach_implicit_gradient(layer, forward(layer, z0), short, Trace())
        if self.claims_convergence:
            forward.trace.adjoint.add(Solution(z.detach(), (0.0,) * len(z), 8, 1e-9))
        return z


@dataclass(frozen=True)
class LenientForward(GradientMethod):
    """Judges its forward solve by a looser tolerance than the one that it was given."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        lenient = ForwardSolver(replace(forward.solver, tolerance=1.0), forward.trace)
        return layer(lenient(layer, z0))


@dataclass(frozen=True)
class Uncounted(GradientMethod):
    """Applies T behind the back of its counter."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer._function(forward(layer, z0))


@dataclass(frozen=True)
class SinglePrecision(GradientMethod):
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(forward(layer, z0)).float()


@dataclass(frozen=True)
class Detached(GradientMethod):
    """Returns an image that does not depend on the weights, by its graph."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = layer(forward(layer, z0))
        return value.detach() + 0 * value


@dataclass(frozen=True)
class Noisy(GradientMethod):
    """Draws from a generator that nobody seeds."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)
        generator = torch.Generator()
        generator.seed()
        noise = torch.randn(z.shape, generator=generator, dtype=z.dtype)
        return layer(z + 1e-6 * noise)


@dataclass(frozen=True)
class AbsoluteTolerance(GradientMethod):
    """Stops the adjoint iteration at a step of 1e-4, whatever the size of the gradient."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(cotangent: Tensor, value: Tensor, point: Tensor) -> Tensor:
            w, step = cotangent, cotangent
            while step.norm() > 1e-4:
                step = _pull(value, point, step)
                w = w + step
            return w

        return _with_rule(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class SharedState(GradientMethod):
    """Keeps the point of its last forward pass in itself, and uses that in every backward pass."""

    last: dict[str, Tensor] = field(default_factory=dict)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(cotangent: Tensor, value: Tensor, point: Tensor) -> Tensor:
            return cotangent + 0.1 * self.last["z"].detach()

        self.last["z"] = forward(layer, z0)
        return _with_rule(layer, self.last["z"], rule)


@dataclass(frozen=True)
class FillsGrad(GradientMethod):
    """Calls .backward() in its forward pass."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = layer(forward(layer, z0))
        value.sum().backward(retain_graph=True)  # type: ignore[no-untyped-call]
        return value


@dataclass(frozen=True)
class LeavesCycle(GradientMethod):
    """The hook of a graph that refers to the graph."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = layer(forward(layer, z0))
        value.register_hook(lambda gradient: gradient.view_as(value))
        return value


@dataclass(frozen=True)
class OtherTestImage(GradientMethod):
    """Shows another image at test time than in training."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(forward(layer, z0))

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(z0)


@dataclass(frozen=True)
class SilentWrongSign(WrongSign):
    """States no formula to be held to."""

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> None:
        return None


@dataclass(frozen=True)
class StatesAnotherShape(GradientMethod):
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(forward(layer, z0))

    def stated_adjoint(self, jacobian: Tensor, cotangent: Tensor) -> Tensor:
        return jacobian


@dataclass(frozen=True)
class HoldsWeights(GradientMethod):
    """JFB for the weights that it was given, not for those that the map was bound to."""

    weights: tuple[Tensor, ...] = ()

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        value = layer(forward(layer, z0))
        return _ToHeldWeights.apply(value.detach(), [value], *self.weights)


class _ToHeldWeights(torch.autograd.Function):
    """The identity on T(z*), whose backward pass knows of the given weights only."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, recorded: list[Tensor], *weights: Tensor) -> Tensor:
        ctx.recorded, ctx.weights = recorded, weights
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor | None, ...]:
        found = torch.autograd.grad(ctx.recorded, ctx.weights, cotangent, allow_unused=True)
        return None, None, *found


@dataclass(frozen=True)
class NormalisesBlindly(JacobianFreeBackpropagation):
    """Divides by |∂ℓ/∂z|."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            return cotangent / cotangent.norm() * cotangent.norm()

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class MixesSamples(JacobianFreeBackpropagation):
    """Takes the mean over the batch out of ∂ℓ/∂z."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            return cotangent - 0.1 * cotangent.mean(0, keepdim=True)

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class NotANumber(JacobianFreeBackpropagation):
    """Extrapolates from z and T(z), with a division that only convergence keeps finite."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)
        value = layer(z)
        residual = (value - z).detach().norm()
        return value + 0 * torch.log(1e-3 - residual)


@dataclass(frozen=True)
class RecordsForward(GradientMethod):
    """Records as many applications as the forward solver may make."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = z0
        for _ in range(forward.solver.max_iterations):
            z = layer(z)
        return z


@dataclass(frozen=True)
class Meddles(JacobianFreeBackpropagation):
    """Does something to the module on the way."""

    deed: Callable[[], object] = lambda: None

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        self.deed()
        return super().fixed_point(layer, z0, forward)


@dataclass(frozen=True)
class UncountedForwardProducts(JacobianFreeBackpropagation):
    """Takes products J v behind the back of the counter."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(cotangent: Tensor, value: Tensor, point: Tensor) -> Tensor:
            _push(value, point, cotangent)
            return cotangent

        return _with_rule(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class Raises(GradientMethod):
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        raise RuntimeError("out of ideas\nand of lines")


@dataclass(frozen=True)
class Afterwards(Meddles):
    """Does it when the gradient has been taken."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            self.deed()
            return cotangent

        return attach_adjoint(layer, forward(layer, z0), rule)
