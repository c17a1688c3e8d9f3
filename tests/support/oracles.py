"""Gradients by dense linear algebra at points that are no fixed points, by no method's code."""

from __future__ import annotations

from functools import cache

import torch

from bench.contracts.cases import Gradients, layer_case, linearise
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver

LOOSE = Solver("fixed_point", tolerance=1e-12, max_iterations=5)


@cache
def damped_gradient(name: str, steps: int, damping: float, solver: Solver = LOOSE) -> Gradients:
    """The chain rule through z ← (1 - d) z + d T(z), by J and ∂T/∂θ at each point visited.

    dℓ/dθ = Σ_k d (Π_{j>k} ((1 - d) I + d J_j))ᵀ g · ∂T/∂θ at z_k; one step of d = 1 is JFB.
    """
    case = layer_case(name)
    layer, start = case.condition()
    points = [ForwardSolver(solver)(layer, start)]
    for _ in range(steps):
        points.append(torch.lerp(points[-1], layer(points[-1]).detach(), damping))
    cotangent = case.cotangent(points[-1]).flatten()
    total = tuple(torch.zeros_like(value) for value in (*case.inputs, case.observed))
    for z in reversed(points[:-1]):
        at_point = linearise(case, z)
        step = at_point.pulled_back(damping * cotangent)
        total = tuple(t + s for t, s in zip(total, step, strict=True))
        cotangent = (1 - damping) * cotangent + damping * (at_point.jacobian.T @ cotangent)
    return total
