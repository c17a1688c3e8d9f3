"""Damped Neumann series in place of the solution of the adjoint system."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import attach_adjoint
from methods.solvers.products import JacobianProducts


def attach_neumann_gradient(
    layer: FixedPointMap, z_star: Tensor, terms: int, damping: float
) -> Tensor:
    """T(z*), with a backward pass of w = d Σ ((1 - d) I + d Jᵀ)ⁱ ∂ℓ/∂z, i < terms, d = damping.

    It takes terms - 1 products with Jᵀ and one with ∂T/∂θ, and keeps one recorded application.
    """

    def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
        total = term = damping * cotangent
        for _ in range(terms - 1):
            term = (1 - damping) * term + damping * products.transposed(term)
            total = total + term
        return total

    return attach_adjoint(layer, z_star, rule)


def partial_sum(jacobian: Tensor, cotangent: Tensor, terms: int, damping: float = 1.0) -> Tensor:
    """The same w from a dense J (n, n), in closed form: (I - Jᵀ)⁻¹ (I - Mᵏ) g, k = terms.

    M = (1 - damping) I + damping Jᵀ; g = cotangent (n,).
    """
    identity = torch.eye(len(cotangent)).to(jacobian)
    step = (1 - damping) * identity + damping * jacobian.T
    rest = cotangent - torch.linalg.matrix_power(step, terms) @ cotangent
    total: Tensor = torch.linalg.solve(identity - jacobian.T, rest)
    return total
