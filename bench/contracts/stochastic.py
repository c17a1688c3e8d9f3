"""A method whose gradient is drawn: its mean over the draws, and its repeatability."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

from bench.contracts.cases import Case, Gradients, LayerCase
from bench.contracts.differentiation import differentiate, differentiate_bound, flat
from bench.contracts.requirement import NotStated, require
from methods.base import GradientMethod

LOOKS = 100, 400, 2000  # draws after which the mean is looked at, unless it is certain before
LOOKS_AT_A_LAYER = (60,)
CERTAIN = 0.005  # a standard error below which no more draws are needed, relative to the formula
STANDARD_ERRORS = 4.5
SEEDS = range(1, 9)
DRAWS_OF_A_DIRECTION = 30


def draws(method: GradientMethod, case: Case) -> None:
    """A drawn gradient is repeatable under a seed, bit for bit, and differs between seeds."""
    if not method.stochastic:
        raise NotStated("the method is not stochastic")
    # All of them twice: two draws of a number of terms are often equal by chance.
    drawn, again = (
        [flat(differentiate(method, case, seed=seed).gradients) for seed in SEEDS] for _ in range(2)
    )
    repeated = all(torch.equal(one, other) for one, other in zip(drawn, again, strict=True))
    require(repeated, "under the same seed the gradient differs")
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


def draws_for(case: Case) -> Sequence[int]:
    """The numbers of draws after which to look; few on a layer, where a draw takes longer."""
    return LOOKS_AT_A_LAYER if isinstance(case, LayerCase) else LOOKS


def draw_at(method: GradientMethod, case: Case, z_star: Tensor, seed: int) -> Tensor:
    """One gradient, flat; it begins at z*, so that the forward solve is cheap."""
    layer, _ = case.condition()
    bound = layer, z_star.to(case.dtype)
    return flat(differentiate_bound(method, case, bound, case.inputs, seed=seed).gradients)


def require_mean(
    draw: Callable[[int], Tensor], formula: Tensor, looks: Sequence[int], rounding: float
) -> None:
    """Raise unless the mean of draw(seed) (n,) approaches `formula` (n,) as 1/√draws.

    Their distance is measured in its standard error, which is estimated from the draws, over all
    entries together and along the formula: an error of scale alone is a small part of the noise in
    all entries. rounding: relative to the formula, what is no error.
    """
    size, drawn = formula.norm(), list[Tensor]()
    for look in looks:
        drawn += [draw(seed) for seed in range(len(drawn) + 1, look + 1)]
        errors = (torch.stack(drawn) - formula) / size
        for part in (errors, (errors @ formula / size)[:, None]):
            distance, standard_error = part.mean(0).norm(), part.std(0).norm() / look**0.5
            limit = STANDARD_ERRORS * standard_error + rounding
            reason = f"the mean of {look} draws differs from the stated formula by {distance:.1e}"
            require(bool(distance <= limit), f"{reason}, limit {limit:.1e}")
        if standard_error <= CERTAIN:
            return
