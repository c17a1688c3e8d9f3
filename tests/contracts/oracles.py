"""What the gradient of each method must be, by dense linear algebra that shares no code with it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor

from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.trace import Trace
from tests.contracts.cases import TIGHT, Gradients, LayerCase, layer_case, linearise, linearised
from tests.contracts.checks import assert_close, differentiate

EXACT = 1e-8
BY_DIFFERENCES = 1e-5


def implicit_gradient(case: LayerCase) -> Gradients:
    """wᵀ ∂T/∂θ with (I - Jᵀ) w = ∂ℓ/∂z, solved densely at z*."""
    z_star, derivatives = linearised(case.name)
    identity = torch.eye(z_star.numel(), dtype=z_star.dtype)
    w = torch.linalg.solve(identity - derivatives.jacobian.T, case.cotangent(z_star))
    return derivatives.pulled_back(w)


@cache
def damped_gradient(name: str, steps: int, damping: float, solver: Solver) -> Gradients:
    """The chain rule through z ← (1 - d) z + d T(z), by J and ∂T/∂θ at each point visited.

    dℓ/dθ = Σ_k d (Π_{j>k} ((1 - d) I + d J_j))ᵀ g · ∂T/∂θ at z_k; one step of d = 1 is JFB.
    """
    case = layer_case(name)
    points = [case.fixed_point(solver)]
    layer, _ = case.condition()
    for _ in range(steps):
        value = layer(points[-1]).detach()
        points.append(torch.lerp(points[-1], value, damping))
    cotangent = case.cotangent(points[-1])
    total = tuple(torch.zeros_like(weight) for weight in case.weights)
    for z in reversed(points[:-1]):
        at_point = linearise(case, z)
        step = at_point.pulled_back(damping * cotangent)
        total = tuple(t + s for t, s in zip(total, step, strict=True))
        cotangent = (1 - damping) * cotangent + damping * (at_point.jacobian.T @ cotangent)
    return total


def check_jfb_gradient(method: GradientMethod, case: LayerCase) -> None:
    """gᵀ ∂T/∂θ at z*."""
    z_star, derivatives = linearised(case.name)
    expected = derivatives.pulled_back(case.cotangent(z_star))
    assert_close(differentiate(method, case).gradients, expected, EXACT, "gᵀ ∂T/∂θ at z*")


def check_damped_gradient(steps: int, damping: float, solver: Solver) -> Callable[..., None]:
    """The check of a phantom gradient, or of jfb as steps = damping = 1, wherever forward stops."""

    def check(method: GradientMethod, case: LayerCase) -> None:
        expected = damped_gradient(case.name, steps, damping, solver)
        found = differentiate(method, case, solver).gradients
        assert_close(found, expected, EXACT, f"{steps} steps damped by {damping}")

    return check


def check_implicit_gradient(method: GradientMethod, case: LayerCase) -> None:
    """The dense solution of the adjoint system."""
    expected = implicit_gradient(case)
    found = differentiate(method, case).gradients
    assert_close(found, expected, EXACT, "the dense solution of (I - Jᵀ) w = g")


def check_many_steps_tend_to_implicit(method: GradientMethod, case: LayerCase) -> None:
    """An unrolling that is long enough for convergence has the implicit gradient."""
    found = differentiate(method, case).gradients
    assert_close(found, implicit_gradient(case), 1e-6, "many steps against the dense solution")


def check_finite_difference(method: GradientMethod, case: LayerCase) -> None:
    """ℓ(z*(θ)) is differenced in a few directions of θ."""
    gradients = differentiate(method, case).gradients
    size = torch.cat([g.flatten() for g in gradients]).norm()
    generator = torch.Generator().manual_seed(2)
    for _ in range(3):
        direction = _unit_direction(case, generator)
        slope = sum(float((g * d).sum()) for g, d in zip(gradients, direction, strict=True))
        error = abs(_central_difference(case, direction) - slope) / float(size)
        assert error <= BY_DIFFERENCES, f"off by {error:.1e} of |dℓ/dθ| from a finite difference"


def _unit_direction(case: LayerCase, generator: torch.Generator) -> Gradients:
    raw = [torch.randn(w.shape, generator=generator, dtype=w.dtype) for w in case.weights]
    size = torch.cat([d.flatten() for d in raw]).norm()
    return tuple(d / size for d in raw)


def _central_difference(case: LayerCase, direction: Gradients, step: float = 1e-5) -> float:
    losses = [_loss_moved(case, direction, sign * step) for sign in (1, -1)]
    return (losses[0] - losses[1]) / (2 * step)


@torch.no_grad()
def _loss_moved(case: LayerCase, direction: Gradients, distance: float) -> float:
    before = [weight.clone() for weight in case.weights]
    for weight, d in zip(case.weights, direction, strict=True):
        weight.add_(distance * d)
    try:
        return float(case.loss(case.fixed_point()))
    finally:
        for weight, old in zip(case.weights, before, strict=True):
            weight.copy_(old)


@dataclass(frozen=True)
class LinearCase:
    """z* = M z* + b of spectral radius 0.97, whose gradient is written by hand."""

    matrix: Tensor
    offset: Tensor
    target: Tensor

    def condition(self) -> tuple[FixedPointMap, Tensor]:
        def function(z: Tensor) -> Tensor:
            return (self.matrix @ z.flatten() + self.offset).view_as(z)

        return FixedPointMap(function, torch.tensor(0.97)), torch.zeros(1, 1, 3, 4).double()

    def gradients(self) -> Gradients:
        """For ℓ = ½ |z* - t|²: dℓ/db = w = (I - Mᵀ)⁻¹ (z* - t), dℓ/dM = w z*ᵀ."""
        matrix, offset = self.matrix.detach(), self.offset.detach()
        resolvent = torch.linalg.inv(torch.eye(len(offset), dtype=offset.dtype) - matrix)
        z_star = resolvent @ offset
        w = resolvent.T @ (z_star - self.target)
        return torch.outer(w, z_star), w


def linear_case() -> LinearCase:
    generator = torch.Generator().manual_seed(3)
    size = 12
    basis = torch.randn(size, size, generator=generator, dtype=torch.float64)
    basis = torch.eye(size, dtype=torch.float64) + 0.2 * basis / basis.norm(dim=0)
    radii = torch.linspace(0.97, -0.5, size, dtype=torch.float64)
    matrix = (basis * radii) @ torch.linalg.inv(basis)  # not normal, so not symmetric
    offset, target = torch.randn(2, size, generator=generator, dtype=torch.float64)
    return LinearCase(matrix.requires_grad_(), offset.requires_grad_(), target)


def differentiate_linear(method: GradientMethod, case: LinearCase) -> tuple[Gradients, Trace]:
    layer, start = case.condition()
    trace = Trace()
    z = method.fixed_point(layer, start, ForwardSolver(TIGHT, trace))
    loss = 0.5 * (z.flatten() - case.target).square().sum()
    return torch.autograd.grad(loss, (case.matrix, case.offset)), trace


def check_linear_closed_form(method: GradientMethod) -> None:
    """The gradient of a linear fixed point, written by hand."""
    case = linear_case()
    found, _ = differentiate_linear(method, case)
    assert_close(found, case.gradients(), EXACT, "the closed form of z = M z + b")


def check_honest_convergence(method: GradientMethod) -> None:
    """At a contraction of 0.97 the gradient is right, or it is said that it has not converged."""
    case = linear_case()
    found, trace = differentiate_linear(method, case)
    claimed = trace.adjoint.converged_fraction
    if claimed < 1:
        return
    assert_close(found, case.gradients(), 1e-6, f"a solve reported as {claimed} converged")
