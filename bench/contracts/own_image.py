"""A method that differentiates its own image, whether that is a fixed point or not."""

from __future__ import annotations

import torch

from bench.contracts.cases import Gradients, LayerCase
from bench.contracts.differentiation import differentiate, flat
from bench.contracts.gradients import BY_DIFFERENCES, DIRECTIONS, unit_direction
from bench.contracts.requirement import NotStated, require
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver

STEP = 1e-5


def derivative_of_image(method: GradientMethod, case: LayerCase) -> None:
    """The gradient is the derivative of ℓ(image), as finite differences give it.

    The comparison with a formula at the fixed point cannot see by which iterates it was reached.
    """
    if not method.differentiates_image():
        raise NotStated("the method does not differentiate its own iterations")
    gradient = flat(differentiate(method, case).gradients)
    generator = torch.Generator().manual_seed(5)
    for _ in range(DIRECTIONS):
        direction = unit_direction(case, generator)
        ahead, behind = (loss_moved(method, case, direction, sign * STEP) for sign in (1, -1))
        slope = (ahead - behind) / (2 * STEP)
        error = float((gradient @ flat(direction) - slope).abs() / gradient.norm())
        reason = f"differs from a finite difference of its image by {error:.1e} of |dℓ/dθ|"
        require(error <= BY_DIFFERENCES, reason)


@torch.no_grad()
def loss_moved(
    method: GradientMethod, case: LayerCase, direction: Gradients, distance: float
) -> float:
    """ℓ of the image for θ + distance · direction."""
    named = zip(case.layer.named_parameters(), direction, strict=True)
    layer, start = case.condition({name: w + distance * d for (name, w), d in named})
    return float(case.loss(method.fixed_point(layer, start, ForwardSolver(case.tight))))
