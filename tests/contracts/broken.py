"""Methods that are wrong in one way each; the contracts must refuse every one of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor

from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import attach_implicit_gradient
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solution, Solver
from methods.solvers.trace import Trace

TIGHT_ADJOINT = Solver("anderson", tolerance=1e-12, max_iterations=1000)
Rule = Callable[[Tensor, Tensor, Tensor], Tensor]


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
class PhantomWithoutCarry(GradientMethod):
    """z ← damping T(z), with the value, but not the derivative, of (1 - damping) z."""

    steps: int = 3
    damping: float = 0.5

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)
        for _ in range(self.steps):
            z = (1 - self.damping) * z.detach() + self.damping * layer(z)
        return z


@dataclass(frozen=True)
class StepTooMany(GradientMethod):
    """JFB through two applications of T."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return layer(layer(forward(layer, z0)))


@dataclass(frozen=True)
class SwallowedNonConvergence(GradientMethod):
    """Eight adjoint iterations, which are claimed to have converged or not mentioned."""

    claims_convergence: bool = True

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        short = Solver("fixed_point", tolerance=1e-9, max_iterations=8)
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
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)
        return layer(z + 1e-9 * torch.randn_like(z))


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
