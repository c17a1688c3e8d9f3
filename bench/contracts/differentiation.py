"""One forward and backward pass of a method on a case, and the comparison of gradients."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor

from bench.contracts.cases import Bound, Case, Gradients
from bench.contracts.requirement import require
from bench.measurement.reproducibility import generators_kept, seed_generators
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solution, Solver
from methods.solvers.trace import SolveLog, Trace

SEED = 0  # of the global generators, from which a method may draw


@dataclass
class LastSolve(SolveLog):
    """A log that also keeps the residual of each sample, and the tolerance, of its last solve."""

    residuals: tuple[float, ...] = ()
    tolerance: float = float("nan")

    def add(self, solution: Solution) -> None:
        """Add the solve of one batch."""
        super().add(solution)
        self.residuals, self.tolerance = solution.residuals, solution.tolerance


@dataclass
class LastSolves(Trace):
    """The last forward and the last adjoint solve."""

    forward: LastSolve = field(default_factory=LastSolve)
    adjoint: LastSolve = field(default_factory=LastSolve)


@dataclass
class Differentiation:
    """The image and the gradients of one forward and backward pass."""

    image: Tensor
    gradients: Gradients
    layer: FixedPointMap
    trace: LastSolves


def differentiate(
    method: GradientMethod,
    case: Case,
    solver: Solver | None = None,
    scale: float = 1.0,
    seed: int = SEED,
) -> Differentiation:
    """dℓ/dθ of scale · ℓ by the method, with the tight forward solver unless another is given."""
    return differentiate_bound(method, case, case.condition(), case.inputs, solver, scale, seed)


def differentiate_bound(
    method: GradientMethod,
    case: Case,
    bound: Bound,
    inputs: Sequence[Tensor],
    solver: Solver | None = None,
    scale: float = 1.0,
    seed: int = SEED,
) -> Differentiation:
    """The same for a map that is already bound; zero for an input that gets no gradient.

    The global generators are seeded before the forward pass and, differently, before the backward
    pass, and have their state back afterwards.
    """
    layer, start = bound
    trace = LastSolves()
    with generators_kept():
        seed_generators(2 * seed)
        image = method.fixed_point(layer, start, ForwardSolver(solver or case.tight, trace))
        require(image.requires_grad, "the image has no autograd graph")
        seed_generators(2 * seed + 1)
        found = torch.autograd.grad(scale * case.loss(image), inputs, allow_unused=True)
    return Differentiation(image.detach(), filled(found, inputs), layer, trace)


def filled(found: Sequence[Tensor | None], inputs: Sequence[Tensor]) -> Gradients:
    """The gradients, with zeros for inputs that got none."""
    pairs = zip(found, inputs, strict=True)
    return tuple(torch.zeros_like(value) if g is None else g for g, value in pairs)


def flat(gradients: Gradients) -> Tensor:
    """All gradients in one vector, in double precision."""
    return torch.cat([gradient.double().flatten() for gradient in gradients])


def relative_error(found: Gradients, expected: Gradients) -> float:
    """|found - expected| / |expected| over all inputs together; 0 where both are zero."""
    difference, size = flat(found) - flat(expected), flat(expected).norm()
    return float(difference.norm() / size) if difference.any() else 0.0


def cosine(found: Gradients, expected: Gradients) -> float:
    """The cosine of the angle between two gradients; NaN if one is zero."""
    one, other = flat(found), flat(expected)
    return float(one @ other / (one.norm() * other.norm()))


def require_close(found: Gradients, expected: Gradients, tolerance: float, what: str) -> None:
    """Raise ContractViolation for a relative error above the tolerance, or one that is NaN."""
    error = relative_error(found, expected)
    require(error <= tolerance, f"{what}: relative error {error:.1e}, limit {tolerance:.0e}")
