"""A method as it is configured, not at its limit: accurate, or reported as not converged."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import Bound, Case, Gradients, LayerCase, linearised
from bench.contracts.differentiation import (
    LastSolve,
    LastSolves,
    differentiate,
    differentiate_bound,
    relative_error,
    require_close,
)
from bench.contracts.gradients import is_exact, reference, stated_adjoints
from bench.contracts.linear import LinearCase
from bench.contracts.requirement import ContractViolation, NotStated, require
from bench.contracts.stochastic import refuse_draws
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.proposal import relative_residuals

FORMULA = 1e-8
SAME_FORMULA = 1e-10
SETTLED = 1e-10  # a residual below which an image is at the fixed point
MARGIN = 2.0  # of a residual that is computed again, over the one that was reported
ROUNDING = 1e-12
TOLERANCES = 1e-2, 1e-3, 1e-6  # the usual one in the middle
USUAL = Solver()
APART = 1e-6
# A library ends the solve of a whole batch at once, so that a sample that is alone stops earlier.
# Its gradients then differ by what the tolerance leaves open.
APART_IN_A_LIBRARY = 1e-2
# Powers of two: squares underflow at one and overflow at the other.
EXTREMES = {torch.float64: (-560, 520), torch.float32: (-80, 66)}
SAME_GRADIENT = {torch.float64: 1e-6, torch.float32: 1e-3}


@dataclass(frozen=True)
class Probe:
    """A gradient with its w (N, n), at an image whose residuals are computed anew."""

    gradients: Gradients
    w: Tensor
    residuals: tuple[float, ...]
    trace: LastSolves

    @property
    def settled(self) -> bool:
        """Whether every sample is at the fixed point."""
        return max(self.residuals) <= SETTLED


def probe(method: GradientMethod, case: Case, start: Tensor | None = None) -> Probe:
    """One pass on z -> T(z) + b with b = 0: dℓ/db is w, as ∂T/∂b is the identity."""
    bound, offset = with_offset(case.condition(), start)
    result = differentiate_bound(method, case, bound, (*case.inputs, offset))
    *gradients, w = result.gradients
    residuals = relative_residuals(result.image, case.condition()[0](result.image).detach())
    return Probe(tuple(gradients), w.flatten(1), residuals, result.trace)


def with_offset(bound: Bound, start: Tensor | None = None) -> tuple[Bound, Tensor]:
    """The map with + b, from another start if one is given, and b."""
    inner, usual_start = bound
    offset = torch.zeros_like(usual_start).requires_grad_()
    layer = FixedPointMap(lambda z: inner(z) + offset, inner.contraction_bound, inner.samples)
    return (layer, usual_start if start is None else start), offset


def as_configured(method: GradientMethod, case: Case) -> None:
    """With the parameters as given, w is as accurate as stated, or reported as not converged."""
    refuse_draws(method)
    judge_adjoint(method, case, None)
    judge_adjoint(method, case, reference(case)[0])


def every_budget(method: GradientMethod, case: LinearCase) -> None:
    """So it is for every value of `budget`, from the lowest to the highest."""
    refuse_draws(method)
    if method.budget is None:
        raise NotStated("the method declares no budget")
    name, values = method.budget
    for value in range(min(values), max(values) + 1):
        changed: Any = replace(method, **{name: value})
        try:
            getattr(changed, "validate", lambda: None)()
        except ValueError:
            continue
        try:
            judge_adjoint(changed, case, case.solution())
        except ContractViolation as violation:
            raise ContractViolation(f"with {name}={value}: {violation}") from None


def judge_adjoint(method: GradientMethod, case: Case, start: Tensor | None) -> None:
    """Raise unless w of each sample is accurate, or the sample is reported as not converged."""
    z_star, jacobians, cotangents = reference(case)
    stated = stated_adjoints(method, case)
    exact = is_exact(method, case)
    found = probe(method, case, start)
    forward, adjoint = found.trace.forward, found.trace.adjoint
    _require_report("forward", forward, len(z_star))
    if adjoint.samples:
        _require_report("adjoint", adjoint, len(z_star))
    for i, (w, g) in enumerate(zip(found.w, cotangents, strict=True)):
        if found.residuals[i] > SETTLED:
            reason = f"the residual of the image is {found.residuals[i]:.1e}, which is not reported"
            require(not _claims(forward, i), reason)
        elif not adjoint.samples:
            require_close((w,), (stated[i],), FORMULA, "w as configured, against the stated one")
        elif _claims(adjoint, i) and exact:
            _require_solved(w, jacobians[i], g, adjoint.tolerance)
        elif _claims(adjoint, i):
            limit = max(FORMULA, MARGIN * adjoint.tolerance)
            require_close((w,), (stated[i],), limit, "w as configured, against the stated one")


def _claims(solve: LastSolve, sample: int) -> bool:
    """Whether a sample is reported as converged."""
    return solve.residuals[sample] <= solve.tolerance


def _require_report(name: str, solve: LastSolve, count: int) -> None:
    reported = len(solve.residuals)
    require(reported == count, f"{reported} samples of the {name} solve reported, of {count}")


def _require_solved(w: Tensor, jacobian: Tensor, cotangent: Tensor, tolerance: float) -> None:
    """A library measures the residual relative to w, the suite relative to g."""
    residual = (cotangent - w + jacobian.T @ w).norm()
    relative = float(residual / max(cotangent.norm(), w.norm()))
    limit = min(MARGIN * tolerance, 1.0) + ROUNDING
    reason = f"the adjoint residual is {relative:.1e}, reported as at most {tolerance:.0e}"
    require(relative <= limit, reason)


def one_adjoint(method: GradientMethod, case: LayerCase) -> None:
    """One w gives the gradient of every weight and of y: dℓ/dθ = wᵀ ∂T/∂θ at z*."""
    case = case.with_differentiable_observation()
    for patience in (method, method.at_limit()):
        found = probe(patience, case)
        if found.settled:
            expected = linearised(case.name)[1].pulled_back(found.w)
            require_close(found.gradients, expected, FORMULA, "compared with wᵀ ∂T/∂θ")
            return
    raise NotStated("the image is not the fixed point")


def limit_of_the_same(method: GradientMethod, case: LinearCase) -> None:
    """`at_limit` is the same method with the same formula, for the same parameters."""
    limit = method.at_limit()
    kind = type(limit).__name__
    require(type(limit) is type(method), f"at_limit returns a {kind}")
    stated, at_limit = (_stated_or_none(each, case) for each in (method, limit))
    require((stated is None) == (at_limit is None), "only one of it and its limit states a formula")
    if stated is None or at_limit is None or _budget_differs(method, limit):
        return
    error = relative_error((at_limit,), (stated,))
    changed = [f.name for f in fields(method) if getattr(method, f.name) != getattr(limit, f.name)]
    reason = f"at_limit changes {', '.join(changed) or 'nothing'}, and the formula by {error:.1e}"
    require(error <= SAME_FORMULA, reason)


def _stated_or_none(method: GradientMethod, case: LinearCase) -> Tensor | None:
    try:
        return stated_adjoints(method, case)
    except NotStated:
        return None


def _budget_differs(method: GradientMethod, limit: GradientMethod) -> bool:
    name = method.budget and method.budget[0]
    return bool(name) and getattr(method, str(name)) != getattr(limit, str(name))


def image_accuracy(method: GradientMethod, case: LayerCase) -> None:
    """The image keeps the forward tolerance, in training and at test time, or is reported."""
    for tolerance in TOLERANCES:
        solver = replace(USUAL, tolerance=tolerance)
        trained = differentiate(method, case, solver)
        _require_accuracy("training", trained.image, trained.trace.forward, case, tolerance)
        layer, start = case.condition()
        trace = LastSolves()
        with torch.no_grad():
            image = method.reconstruct(layer, start, ForwardSolver(solver, trace))
        _require_accuracy("the test", image, trace.forward, case, tolerance)


def _require_accuracy(
    when: str, image: Tensor, solve: LastSolve, case: LayerCase, tolerance: float
) -> None:
    _require_report(f"{when} image's forward", solve, len(image))
    with torch.no_grad():
        real = relative_residuals(image, case.condition()[0](image))
    for i, residual in enumerate(real):
        reported = solve.residuals[i]
        allowed = MARGIN * (min(reported, tolerance) if _claims(solve, i) else reported)
        reason = f"{when} image {i} has residual {residual:.1e} at tolerance {tolerance:.0e}"
        require(not residual > allowed + ROUNDING, f"{reason}; {reported:.1e} is reported")


def batch_mates(method: GradientMethod, case: LayerCase) -> None:
    """At the usual tolerance, image and gradient of a sample do not depend on its batch."""
    refuse_draws(method)
    together = differentiate(method, case, USUAL)
    alone = [differentiate(method, case.sample(i), USUAL) for i in range(case.shape[0])]
    limit = APART_IN_A_LIBRARY if method.library else APART
    images = torch.cat([one.image for one in alone])
    require_close((together.image,), (images,), limit, "images of a batch, against single ones")
    by_input = zip(*(one.gradients for one in alone), strict=True)
    sums = tuple(torch.stack(of_samples).sum(0) for of_samples in by_input)
    require_close(together.gradients, sums, limit, "a batch, against its single images")


def loss_extremes(method: GradientMethod, case: LayerCase) -> None:
    """Near the ends of the precision a scaled loss gives the scaled gradient, or is reported."""
    usual = differentiate(method, case).gradients
    for exponent in EXTREMES[case.dtype]:
        found = differentiate(method, case, scale=2.0**exponent)
        solve = found.trace.adjoint
        if solve.samples and solve.converged_fraction < 1:
            continue
        unscaled = tuple(g.double() / 2.0**exponent for g in found.gradients)
        what = f"for a loss scaled by {2.0**exponent:.0e}"
        require_close(unscaled, usual, SAME_GRADIENT[case.dtype], what)
