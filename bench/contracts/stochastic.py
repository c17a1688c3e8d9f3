"""A method whose gradient is drawn: its mean over the draws, and its repeatability."""

from __future__ import annotations

import torch
from torch import Tensor

from bench.contracts.cases import Case, Gradients
from bench.contracts.differentiation import differentiate, differentiate_bound, flat
from bench.contracts.requirement import NotStated, require
from methods.base import GradientMethod

LOOKS = (100, 400, 1600)  # draws after which the mean is looked at, unless it is certain before
FEW_LOOKS = (60,)  # where an application of T takes long
CHEAP = 100  # entries of z, up to which there are many draws
CERTAIN = 0.005  # a standard error below which no more draws are needed, relative to the formula
STANDARD_ERRORS = 4.5
ROUNDING = 1e-8
SEEDS = range(1, 9)
DRAWS_OF_A_DIRECTION = 30


def draws(method: GradientMethod, case: Case) -> None:
    """A drawn gradient is repeatable under a seed, bit for bit, and differs between seeds."""
    if not method.stochastic:
        raise NotStated("the method is not stochastic")
    drawn = [flat(differentiate(method, case, seed=seed).gradients) for seed in SEEDS]
    again = flat(differentiate(method, case, seed=SEEDS[0]).gradients)
    require(torch.equal(again, drawn[0]), "under the same seed the gradient differs")
    differ = any(not torch.equal(one, drawn[0]) for one in drawn[1:])
    require(differ, f"the gradient is the same under {len(SEEDS)} seeds: it is not drawn from them")


def refuse_draws(method: GradientMethod) -> None:
    """Raise NotStated for a stochastic method."""
    if method.stochastic:
        raise NotStated("the gradient is drawn, and its formula holds for the mean")


def mean_gradient(method: GradientMethod, case: Case) -> Gradients:
    """The mean of the gradient over a few draws."""
    drawn = [differentiate(method, case, seed=k).gradients for k in range(DRAWS_OF_A_DIRECTION)]
    return tuple(torch.stack(values).mean(0) for values in zip(*drawn, strict=True))


def require_mean(
    method: GradientMethod, case: Case, z_star: Tensor, expected: Gradients, first_seed: int = 1
) -> None:
    """Raise unless the mean over draws approaches `expected` as 1/√draws.

    The distance of the mean from the formula is measured in its standard error, which is estimated
    from the draws, over all entries together and along the formula: an error of the scale alone
    is a small part of the noise in all entries. Every draw begins at z*, so that it is cheap.
    """
    target = flat(expected)
    drawn: list[Tensor] = []
    for look in LOOKS if z_star.numel() <= CHEAP else FEW_LOOKS:
        while len(drawn) < look:
            drawn.append(_draw(method, case, z_star, first_seed + len(drawn)))
        errors = torch.stack(drawn) - target
        along = (errors @ target / target.norm())[:, None]
        for part in (errors, along):
            distance = float(part.mean(0).norm() / target.norm())
            standard_error = float(part.std(0).norm() / target.norm()) / look**0.5
            limit = STANDARD_ERRORS * standard_error + _rounding(case)
            reason = f"the mean of {look} draws differs from the stated formula by {distance:.1e}"
            require(distance <= limit, f"{reason}, limit {limit:.1e}")
        if standard_error <= CERTAIN:
            return


def _rounding(case: Case) -> float:
    return ROUNDING if case.dtype == torch.float64 else 1e-3


def _draw(method: GradientMethod, case: Case, z_star: Tensor, seed: int) -> Tensor:
    layer, _ = case.condition()
    bound = layer, z_star.to(case.dtype)
    return flat(differentiate_bound(method, case, bound, case.inputs, seed=seed).gradients)
