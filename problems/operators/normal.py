"""AᵀA of a linear operator: its products, its norm, and the solution of (AᵀA + λI) x = r.

Three routes, the first that fits: the SVD of the operator, where it is known (circular blur,
masks); the operator's own exact `prox_l2` (circular downsampling); conjugate gradients.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any
from weakref import WeakKeyDictionary

import torch
from torch import Tensor

from bench.errors import UserError
from problems.operators.conjugate_gradients import conjugate_gradients
from problems.operators.implicit_solve import implicit_solve
from problems.operators.square_norm import random_like, square_norm_bound

ROUNDING = {torch.float32: 1e-4, torch.float64: 1e-9}  # relative, of a formula that is exact
PROBED_STRENGTHS = (0.01, 1.0)  # λ / |AᵀA| at which an operator's own formula is tried


class NormalOperator(ABC):
    """AᵀA for images x (N, C, H, W); square_norm: |AᵀA|, or an upper bound of it."""

    square_norm: Tensor

    @abstractmethod
    def __call__(self, x: Tensor) -> Tensor:
        """AᵀA x, shaped as x."""

    @abstractmethod
    def solve(self, r: Tensor, strength: Tensor | float) -> Tensor:
        """(AᵀA + λI)⁻¹ r for r (N, C, H, W) and λ > 0, differentiable in both."""


class SpectralOperator(NormalOperator):
    """AᵀA = V s² Vᵀ for an operator whose SVD is known (deepinv's `DecomposablePhysics`)."""

    def __init__(self, physics: Any) -> None:
        self.physics = physics
        self.squares: Tensor = _squares(physics.mask)
        self.square_norm = self.squares.max()

    def __call__(self, x: Tensor) -> Tensor:
        """V s² Vᵀ x."""
        product: Tensor = self.physics.V(self.squares * self.physics.V_adjoint(x))
        return product

    def solve(self, r: Tensor, strength: Tensor | float) -> Tensor:
        """V (s² + λ)⁻¹ Vᵀ r."""
        spectrum = self.physics.V_adjoint(r) / (self.squares + strength)
        solution: Tensor = self.physics.V(spectrum)
        return solution


class ProductOperator(NormalOperator):
    """AᵀA by A and Aᵀ, for any linear operator; its derivatives come from the implicit rule.

    measured: the shape of A x without N if the operator's own `prox_l2` is to be used, None for
    conjugate gradients.
    """

    def __init__(self, physics: Any, square_norm: Tensor, measured: torch.Size | None) -> None:
        self.physics, self.square_norm, self._measured = physics, square_norm, measured

    def __call__(self, x: Tensor) -> Tensor:
        """Aᵀ(A x)."""
        product: Tensor = self.physics.A_adjoint(self.physics.A(x))
        return product

    def solve(self, r: Tensor, strength: Tensor | float) -> Tensor:
        """(AᵀA + λI)⁻¹ r; RuntimeError if conjugate gradients do not converge."""
        strength = torch.as_tensor(strength, dtype=r.dtype, device=r.device)
        return implicit_solve(self._solution, r, strength)

    def _solution(self, r: Tensor, strength: Tensor) -> Tensor:
        if self._measured is None:
            return conjugate_gradients(lambda x: self(x) + strength * x, r)
        return _own_solution(self.physics, r, strength, self._measured)


@dataclass(frozen=True)
class _Facts:
    """What was found out about an operator, once: its SVD is known, or else its |AᵀA|.

    measured: the shape of A x without N, for an operator with an exact formula.
    """

    square_norm: Tensor | None
    measured: torch.Size | None = None


# By operator, then by the shape, precision and device of its images. The operator itself is not
# kept: it would live for ever.
_FACTS: WeakKeyDictionary[Any, dict[tuple[Any, ...], _Facts]] = WeakKeyDictionary()


def normal_operator(physics: Any, like: Tensor) -> NormalOperator:
    """AᵀA of a deepinv physics, for images of the shape, precision and device of `like`.

    An operator is examined once; it must not be changed after that (a `BlurFFT` may be). Raises
    UserError if its adjoint is wrong.
    """
    from deepinv.physics import BlurFFT

    if isinstance(physics, BlurFFT):
        return SpectralOperator(physics)
    key, known = (like.shape[1:], like.dtype, like.device), _FACTS.setdefault(physics, {})
    if key not in known:
        known[key] = _examined(physics, torch.zeros_like(like[:1]))
    facts = known[key]
    if facts.square_norm is None:
        return SpectralOperator(physics)
    return ProductOperator(physics, facts.square_norm, facts.measured)


@torch.no_grad()
def _examined(physics: Any, like: Tensor) -> _Facts:
    probe = random_like(like, seed=0)
    measured = physics.A(probe)
    _require_adjoint(physics, probe, measured)
    product = physics.A_adjoint(measured)
    if _has_svd(physics, probe, product):
        return _Facts(None)
    square_norm = square_norm_bound(lambda x: physics.A_adjoint(physics.A(x)), like)
    shape = measured.shape[1:]
    return _Facts(square_norm, shape if _has_formula(physics, probe, square_norm, shape) else None)


def _require_adjoint(physics: Any, x: Tensor, measured: Tensor) -> None:
    """⟨A x, u⟩ = ⟨x, Aᵀu⟩, without which every gradient would be wrong, and nobody would notice."""
    u = random_like(measured, seed=1)
    forward, backward = float((measured * u).sum()), float((x * physics.A_adjoint(u)).sum())
    error = abs(forward - backward) / max(float(measured.norm() * u.norm()), 1e-30)
    if not error <= _rounding(x):
        name = type(physics).__name__
        raise UserError(
            f"{name}: A_adjoint is not the transpose of A: ⟨A x, u⟩ is {forward:.6g}, ⟨x, Aᵀu⟩ is "
            f"{backward:.6g}"
        )


def _has_svd(physics: Any, x: Tensor, product: Tensor) -> bool:
    """Whether Vᵀ and V are inverse to each other, and AᵀA x is V s² Vᵀ x.

    Some decomposable operators of deepinv discard a part of the image inside Vᵀ.
    """
    from deepinv.physics import DecomposablePhysics

    if not isinstance(physics, DecomposablePhysics) or not isinstance(physics.mask, Tensor):
        return False
    spectrum = physics.V_adjoint(x)
    back, again = physics.V(spectrum), physics.V(_squares(physics.mask) * spectrum)
    return _near(back, x) and _near(again, product)


def _has_formula(physics: Any, r: Tensor, square_norm: Tensor, measured: torch.Size) -> bool:
    """Whether the operator has a `prox_l2` of its own that solves the equation to rounding."""
    from deepinv.physics import LinearPhysics

    inherited = getattr(type(physics), "prox_l2", None)
    if inherited is None or inherited is LinearPhysics.prox_l2:
        return False
    strengths = [fraction * square_norm for fraction in PROBED_STRENGTHS]
    solutions = [_own_solution(physics, r, strength, measured) for strength in strengths]
    return all(
        _near(physics.A_adjoint(physics.A(x)) + strength * x, r)
        for x, strength in zip(solutions, strengths, strict=True)
    )


def _own_solution(physics: Any, r: Tensor, strength: Tensor, measured: torch.Size) -> Tensor:
    """The operator's own proximal map of ½|A x|² at r/λ, which solves (AᵀA + λI) x = r."""
    nothing = r.new_zeros(len(r), *measured)
    solution: Tensor = physics.prox_l2(r / strength, nothing, 1 / strength)
    return solution


def _squares(mask: Tensor) -> Tensor:
    return mask.abs() ** 2 if mask.is_complex() else mask**2


def _near(found: Tensor, expected: Tensor) -> bool:
    if found.shape != expected.shape:
        return False
    error, size = (found - expected).norm(), expected.norm()
    return bool(error <= _rounding(expected) * size)


def _rounding(x: Tensor) -> float:
    return ROUNDING.get(x.dtype, 1e-4)
