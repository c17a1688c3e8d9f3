"""Krylov solvers of (I - Jᵀ) w = g, for each sample of a batch on its own.

They start from w = 0, take g of norm 1 or 0, and stop by |g - (I - Jᵀ) w|. A solver is a
recurrence: it starts from a residual, and proposes corrections of w, each with its new residual.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import Tensor

from methods.solvers.convergence import ConvergenceMonitor
from methods.solvers.history import add_combination, overlaps
from methods.solvers.iterate import Solution, Solver
from methods.solvers.products import JacobianProducts
from methods.solvers.samples import select

# Below this multiple of the rounding error the residual of a recurrence may be smaller than the
# true one, which is then computed, and the recurrence started again from it, up to so many times.
RELIABLE = 3e3
PASSES = 4


class System:
    """I - Jᵀ on flat vectors (N, n)."""

    def __init__(self, products: JacobianProducts, shape: torch.Size) -> None:
        self.products, self._shape = products, shape

    def apply(self, v: Tensor) -> Tensor:
        """(I - Jᵀ) v."""
        return v - self.products.transposed(v.view(self._shape)).flatten(1)

    def apply_transposed(self, v: Tensor) -> Tensor:
        """(I - J) v."""
        return v - self.products.forward(v.view(self._shape)).flatten(1)


class Recurrence(ABC):
    """Proposes corrections of w, each with its new residual; both (N, n)."""

    products: ClassVar[int]  # with J or Jᵀ that a step takes

    @abstractmethod
    def __init__(self, system: System, residual: Tensor, memory: int) -> None: ...

    @abstractmethod
    def __call__(self) -> tuple[Tensor, Tensor]:
        """The next correction and residual."""


class ConjugateResiduals(Recurrence):
    """GMRES in the form of generalised conjugate residuals, of the last `memory` directions.

    Each step makes |r| as small as it gets in their span. Without truncation its iterates are
    those of GMRES (Saad and Schultz, 1986). Source: Eisenstat, Elman, Schultz, "Variational
    Iterative Methods for Nonsymmetric Systems", SIAM J. Numer. Anal. 1983, Orthomin(memory).
    """

    products = 1

    def __init__(self, system: System, residual: Tensor, memory: int) -> None:
        self._system, self._residual, self._memory = system, residual, memory
        self._directions = residual.new_zeros(len(residual), memory, residual.shape[1])
        self._images = torch.zeros_like(self._directions)  # (I - Jᵀ) of the directions
        self._steps = 0

    def __call__(self) -> tuple[Tensor, Tensor]:
        """One direction: the residual, made orthogonal to the earlier ones."""
        direction, image = self._residual, self._system.apply(self._residual)
        used, slot = min(self._steps, self._memory), self._steps % self._memory
        if used:
            images, earlier = self._images[:, :used], self._directions[:, :used]
            weights = -overlaps(images, image)
            image = add_combination(image, weights, images)
            direction = add_combination(direction, weights, earlier)
        size = norms(image).clamp_min_(torch.finfo(image.dtype).tiny).unsqueeze(1)
        direction, image = direction / size, image / size
        self._directions[:, slot], self._images[:, slot] = direction, image
        self._steps += 1
        length = dots(self._residual, image)
        self._residual = self._residual - length * image
        return length * direction, self._residual


class StabilisedBiconjugateGradients(Recurrence):
    """BiCGSTAB: two products with Jᵀ a step, five vectors.

    Source: van der Vorst, "Bi-CGSTAB", SIAM J. Sci. Stat. Comput. 1992.
    """

    products = 2

    def __init__(self, system: System, residual: Tensor, memory: int) -> None:
        self._system, self._residual = system, residual
        self._shadow, self._direction = residual, residual
        self._overlap = dots(residual, residual)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """A biconjugate step, and one that makes the residual small."""
        image = self._system.apply(self._direction)
        length = _ratio(self._overlap, dots(self._shadow, image))
        halfway = self._residual - length * image
        smoothed = self._system.apply(halfway)
        weight = _ratio(dots(smoothed, halfway), dots(smoothed, smoothed))
        correction = length * self._direction + weight * halfway
        self._residual = halfway - weight * smoothed
        overlap = dots(self._shadow, self._residual)
        turn = _ratio(overlap, self._overlap) * _ratio(length, weight)
        self._direction = self._residual + turn * (self._direction - weight * image)
        self._overlap = overlap
        return correction, self._residual


class NormalConjugateGradients(Recurrence):
    """Conjugate gradients on (I - J)(I - Jᵀ) w = (I - J) g: two products a step.

    The seed paper proposes it as the alternative to JFB. Source: Hestenes and Stiefel, 1952,
    section 10 (CGNR), whose residual is that of the system itself.
    """

    products = 2

    def __init__(self, system: System, residual: Tensor, memory: int) -> None:
        self._system, self._residual = system, residual
        self._direction = torch.zeros_like(residual)
        self._slope_square = residual.new_zeros(len(residual), 1)

    def __call__(self) -> tuple[Tensor, Tensor]:
        """A step along the conjugate slope of the normal equations."""
        slope = self._system.apply_transposed(self._residual)
        square = dots(slope, slope)
        self._direction = slope + _ratio(square, self._slope_square) * self._direction
        self._slope_square = square
        image = self._system.apply(self._direction)
        length = _ratio(square, dots(image, image))
        self._residual = self._residual - length * image
        return length * self._direction, self._residual


RECURRENCES: dict[str, type[Recurrence]] = {
    "gmres": ConjugateResiduals,
    "bicgstab": StabilisedBiconjugateGradients,
    "normal_cg": NormalConjugateGradients,
}


def solve_krylov(limits: Solver, products: JacobianProducts, g: Tensor) -> Solution:
    """w for g (N, ...), from w = 0; a sample that has ended stays as it is.

    limits: name: one of RECURRENCES; tolerance: of |g - (I - Jᵀ) w| for |g| = 1, for each sample;
    max_iterations: products with J or Jᵀ; memory: directions that gmres keeps.
    """
    system = System(products, g.shape)
    right_hand_side = residual = g.flatten(1)
    w, monitor = torch.zeros_like(residual), _monitor(residual, limits.tolerance)
    confirmed = limits.tolerance < RELIABLE * torch.finfo(g.dtype).eps
    for _ in range(PASSES if confirmed else 1):
        recurrence = RECURRENCES[limits.name](system, residual, limits.memory)
        w = _best(recurrence, w, monitor, products, limits.max_iterations - confirmed)
        if not confirmed:
            break
        residual = right_hand_side - system.apply(w)
        monitor = _monitor(residual, limits.tolerance)
        if monitor.finished or products.used >= limits.max_iterations:
            break
    else:
        monitor.mark_stagnated()
    residuals, statuses = tuple(monitor.best), tuple(monitor.statuses)
    return Solution(w.view_as(g), residuals, products.used, limits.tolerance, statuses)


def _monitor(residual: Tensor, tolerance: float) -> ConvergenceMonitor:
    monitor = ConvergenceMonitor(len(residual), tolerance)
    monitor.update(norms(residual).tolist())
    return monitor


def _best(
    step: Recurrence, w: Tensor, monitor: ConvergenceMonitor, products: JacobianProducts, most: int
) -> Tensor:
    """The best w of each sample that the recurrence reaches from w, in `most` products."""
    best = w
    while not monitor.finished and products.used + step.products <= most:
        correction, residual = step()
        w = w + correction
        best = select(monitor.update(norms(residual).tolist()), w, best)
    return best


def dots(left: Tensor, right: Tensor) -> Tensor:
    """The inner product of each sample, (N, 1), of (N, n) and (N, n)."""
    return (left * right).sum(1, keepdim=True)


def norms(vectors: Tensor) -> Tensor:
    """The Euclidean norm of each sample, (N,), of (N, n)."""
    lengths: Tensor = torch.linalg.vector_norm(vectors, dim=1)
    return lengths


def _ratio(above: Tensor, below: Tensor) -> Tensor:
    """above / below, and 0 where nothing is left to divide."""
    return torch.where(below == 0, 0, above / torch.where(below == 0, 1, below))
