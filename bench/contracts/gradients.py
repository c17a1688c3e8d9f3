"""The gradient of a method against its own formula, by dense linear algebra."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import Gradients, LayerCase, exact_adjoint, layer_case, linearised
from bench.contracts.differentiation import (
    cosine,
    differentiate,
    flat,
    relative_error,
    require_close,
)
from bench.contracts.linear import LinearCase
from bench.contracts.requirement import NotStated, require
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver

FORMULA = {torch.float64: 1e-8, torch.float32: 1e-3}
CLOSED_FORM = 1e-8
BY_DIFFERENCES = 1e-5
SLOW_CONTRACTION = 1e-6
SAME_ADJOINT = 1e-7  # a stated adjoint that differs by less is taken for the exact one
DIRECTIONS = 3


def own_formula(method: GradientMethod, case: LayerCase) -> None:
    """dℓ/dθ = wᵀ ∂T/∂θ with the stated w, for every weight and for y."""
    method = method.at_limit()
    z_star, derivatives = linearised(case.name)
    g = layer_case(case.name).cotangent(z_star).flatten()
    expected = derivatives.pulled_back(_stated(method, derivatives.jacobian, g))
    found = differentiate(method, case.with_differentiable_observation()).gradients
    require_close(found, expected, FORMULA[case.dtype], "compared with the stated formula")


def descent_direction(method: GradientMethod, case: LayerCase) -> None:
    """The cosine with the exact gradient is positive, for the parameters as given."""
    z_star, derivatives = linearised(case.name)
    w = exact_adjoint(derivatives.jacobian, case.cotangent(z_star).flatten())
    exact = derivatives.pulled_back(w)[: len(case.weights)]
    angle = cosine(differentiate(method, case).gradients, exact)
    require(angle > 0, f"the cosine with the exact gradient is {angle:.2f}")


def finite_differences(method: GradientMethod, case: LayerCase) -> None:
    """An exact gradient agrees with finite differences of ℓ(z*(θ))."""
    method = method.at_limit()
    z_star, derivatives = linearised(case.name)
    _require_exact_claim(method, derivatives.jacobian, case.cotangent(z_star).flatten())
    require_slopes(method, case)


def require_slopes(method: GradientMethod, case: LayerCase) -> None:
    """Raise unless the gradient agrees with finite differences along a few directions of θ."""
    gradient = flat(differentiate(method, case).gradients)
    for direction, slope in _slopes(case.name, case.shape[1]):
        error = float((gradient @ flat(direction) - slope).abs() / gradient.norm())
        reason = f"differs from a finite difference by {error:.1e} of |dℓ/dθ|"
        require(error <= BY_DIFFERENCES, reason)


def closed_form(method: GradientMethod, case: LinearCase) -> None:
    """The gradient of a linear fixed point equals its closed form."""
    method = method.at_limit()
    g = case.cotangent(case.solution()).flatten()
    stated = _stated(method, case.matrix.detach(), g)
    found = differentiate(method, case).gradients
    require_close(found, case.gradients(stated), CLOSED_FORM, "compared with the closed form")


def slow_contraction(method: GradientMethod, case: LinearCase) -> None:
    """At a contraction of 0.97 the gradient is exact, or reported as not converged."""
    g = case.cotangent(case.solution()).flatten()
    _require_exact_claim(method.at_limit(), case.matrix.detach(), g)
    for patience in (method.at_limit(), _starved(method)):
        result = differentiate(patience, case)
        solves = (result.trace.forward, result.trace.adjoint)
        if any(solve.converged_fraction < 1 for solve in solves):
            continue
        expected = case.gradients(case.adjoint())
        require_close(result.gradients, expected, SLOW_CONTRACTION, "reported as converged")


def _starved(method: GradientMethod) -> GradientMethod:
    """The method at the lowest budget that it declares; at its limit if it declares none."""
    if method.budget is None:
        return method.at_limit()
    parameter, values = method.budget
    limited: Any = method.at_limit()
    starved: GradientMethod = replace(limited, **{parameter: values[0]})
    return starved


def _stated(method: GradientMethod, jacobian: Tensor, cotangent: Tensor) -> Tensor:
    stated = method.stated_adjoint(jacobian, cotangent)
    if stated is None:
        raise NotStated("the method states no formula")
    shape = tuple(stated.shape)
    require(shape == tuple(cotangent.shape), f"stated_adjoint has shape {shape}, not that of g")
    return stated


def _require_exact_claim(method: GradientMethod, jacobian: Tensor, cotangent: Tensor) -> None:
    """Raise NotStated unless the method states the exact adjoint."""
    stated = _stated(method, jacobian, cotangent)
    if relative_error((stated,), (exact_adjoint(jacobian, cotangent),)) > SAME_ADJOINT:
        raise NotStated("the method says that it is an approximation")


@cache
def _slopes(name: str, channels: int) -> tuple[tuple[Gradients, float], ...]:
    """A few directions of the weights, and the central difference of ℓ along each."""
    case = layer_case(name, channels=channels)
    generator = torch.Generator().manual_seed(2)
    directions = [_unit_direction(case, generator) for _ in range(DIRECTIONS)]
    return tuple((direction, _central_difference(case, direction)) for direction in directions)


def _unit_direction(case: LayerCase, generator: torch.Generator) -> Gradients:
    raw = [torch.randn(w.shape, generator=generator, dtype=w.dtype) for w in case.weights]
    size = torch.cat([d.flatten() for d in raw]).norm()
    return tuple(d / size for d in raw)


def _central_difference(case: LayerCase, direction: Gradients, step: float = 1e-5) -> float:
    losses = [_loss_moved(case, direction, sign * step) for sign in (1, -1)]
    return (losses[0] - losses[1]) / (2 * step)


@torch.no_grad()
def _loss_moved(case: LayerCase, direction: Gradients, distance: float) -> float:
    named = zip(case.layer.named_parameters(), direction, strict=True)
    moved = {name: weight + distance * d for (name, weight), d in named}
    layer, start = case.condition(moved)
    return float(case.loss(ForwardSolver(case.tight)(layer, start)))
