"""The gradient of a method against its own formula, by dense linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache, partial
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import (
    Case,
    Gradients,
    LayerCase,
    exact_adjoint,
    layer_case,
    linearised,
)
from bench.contracts.differentiation import (
    cosine,
    differentiate,
    flat,
    relative_error,
    require_close,
)
from bench.contracts.linear import LinearCase
from bench.contracts.requirement import NotStated, require
from bench.contracts.stochastic import (
    draw_at,
    draws_for,
    mean_gradient,
    refuse_draws,
    require_mean,
)
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver

FORMULA = {torch.float64: 1e-8, torch.float32: 1e-3}
CLOSED_FORM = 1e-8
BY_DIFFERENCES = 1e-5
SLOW_CONTRACTION = 1e-6
SAME_ADJOINT = 1e-7  # a stated adjoint that differs by less is taken for the exact one
DIRECTIONS = 3
# On these layers the built-in methods have 0.38 to 1.003 times the norm of the exact gradient.
# Beyond a factor of 10 a learning rate that suits the other methods does not suit this one.
NORM_RATIOS = 0.1, 10.0


def own_formula(method: GradientMethod, case: LayerCase) -> None:
    """dℓ/dθ = wᵀ ∂T/∂θ with the stated w, for every weight and for y."""
    _, derivatives = linearised(case.name)

    def expected(configured: GradientMethod) -> Gradients:
        return derivatives.pulled_back(stated_adjoints(configured, case).flatten())

    case = case.with_differentiable_observation()
    if method.stochastic:
        _require_means(method, case, expected)
        return
    method = method.at_limit()
    found = differentiate(method, case).gradients
    what = "compared with the stated formula"
    require_close(found, expected(method), FORMULA[case.dtype], what)


def _require_means(
    method: GradientMethod, case: Case, expected: Callable[[GradientMethod], Gradients]
) -> None:
    """The mean over draws, of the method as it is and at its limit."""
    for configured in dict.fromkeys((method, method.at_limit())):
        draw = partial(draw_at, configured, case, reference(case)[0])
        require_mean(draw, flat(expected(configured)), draws_for(case), FORMULA[case.dtype])


def descent_direction(method: GradientMethod, case: LayerCase) -> None:
    """The cosine with the exact gradient is positive; without a formula its size is bounded."""
    z_star, derivatives = linearised(case.name)
    w = exact_adjoint(derivatives.jacobians, case.cotangent(z_star).flatten(1))
    exact = derivatives.pulled_back(w)[: len(case.weights)]
    if method.stochastic:
        found = mean_gradient(method, case)
    else:
        found = differentiate(method, case).gradients
    angle = cosine(found, exact)
    require(angle > 0, f"the cosine with the exact gradient is {angle:.2f}")
    _, jacobians, cotangents = reference(case)
    if method.stated_adjoint(jacobians[0], cotangents[0]) is None:
        ratio = float(flat(found).norm() / flat(exact).norm())
        lowest, highest = NORM_RATIOS
        reason = f"its norm is {ratio:.2g} times that of the exact gradient"
        require(lowest <= ratio <= highest, reason)


def finite_differences(method: GradientMethod, case: LayerCase) -> None:
    """An exact gradient agrees with finite differences of ℓ(z*(θ))."""
    refuse_draws(method)
    method = method.at_limit()
    require_exact_claim(method, case)
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

    def expected(configured: GradientMethod) -> Gradients:
        return case.gradients(stated_adjoints(configured, case).flatten())

    if method.stochastic:
        _require_means(method, case, expected)
        return
    method = method.at_limit()
    found = differentiate(method, case).gradients
    require_close(found, expected(method), CLOSED_FORM, "compared with the closed form")


def slow_contraction(method: GradientMethod, case: LinearCase) -> None:
    """At a contraction of 0.97 the gradient is exact, or reported as not converged."""
    refuse_draws(method)
    require_exact_claim(method.at_limit(), case)
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


def reference(case: Case) -> tuple[Tensor, Tensor, Tensor]:
    """z* (N, C, H, W), and J (N, n, n) and g (N, n) there, in double precision."""
    if isinstance(case, LinearCase):
        z_star, jacobians = case.solution(), case.matrix.detach()[None]
        return z_star, jacobians, case.cotangent(z_star).flatten(1)
    assert isinstance(case, LayerCase)
    z_star, derivatives = linearised(case.name)
    in_double = layer_case(case.name, channels=case.shape[1])
    return z_star, derivatives.jacobians, in_double.cotangent(z_star).flatten(1)


def stated_adjoints(method: GradientMethod, case: Case) -> Tensor:
    """The stated w of each sample, (N, n); raises NotStated if the method states none."""
    _, jacobians, cotangents = reference(case)
    return torch.stack([_stated(method, *at) for at in zip(jacobians, cotangents, strict=True)])


def _stated(method: GradientMethod, jacobian: Tensor, cotangent: Tensor) -> Tensor:
    stated = method.stated_adjoint(jacobian, cotangent)
    if stated is None:
        raise NotStated("the method states no formula")
    shape = tuple(stated.shape)
    require(shape == tuple(cotangent.shape), f"stated_adjoint has shape {shape}, not that of g")
    return stated


def is_exact(method: GradientMethod, case: Case) -> bool:
    """Whether the stated adjoint is the exact one."""
    _, jacobians, cotangents = reference(case)
    stated = stated_adjoints(method, case)
    return relative_error((stated,), (exact_adjoint(jacobians, cotangents),)) <= SAME_ADJOINT


def require_exact_claim(method: GradientMethod, case: Case) -> None:
    """Raise NotStated unless the method states the exact adjoint."""
    if not is_exact(method, case):
        raise NotStated("the method says that it is an approximation")


@cache
def _slopes(name: str, channels: int) -> tuple[tuple[Gradients, float], ...]:
    """A few directions of the weights, and the central difference of ℓ along each."""
    case = layer_case(name, channels=channels)
    generator = torch.Generator().manual_seed(2)
    directions = [unit_direction(case, generator) for _ in range(DIRECTIONS)]
    return tuple((direction, _central_difference(case, direction)) for direction in directions)


def unit_direction(case: LayerCase, generator: torch.Generator) -> Gradients:
    """A direction of the weights of length 1."""
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
