"""SHINE against Broyden's method written with explicit matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import LayerCase, layer_case, linearise
from bench.contracts.differentiation import differentiate, relative_error
from bench.plugins import load_builtins
from bench.registry import LAYERS
from methods.jfb import JacobianFreeBackpropagation
from methods.shine import SharedInverse
from methods.solvers.iterate import Solver

load_builtins()
EVALUATIONS = 7
SHORT = Solver("anderson", tolerance=1e-14, max_iterations=EVALUATIONS)
NEVER = 1e9


def dense_broyden(case: LayerCase, sample: int) -> tuple[Tensor, Tensor]:
    """z and the inverse H of Broyden's B, from B ← B + (y - B s) sᵀ / sᵀs, for one sample."""
    alone = case.sample(sample)
    layer, start = alone.condition()

    def residual(z: Tensor) -> Tensor:
        with torch.no_grad():
            return z - layer(z.view_as(start)).flatten()

    z = start.flatten()
    matrix = torch.eye(len(z), dtype=z.dtype)
    value = residual(z)
    for evaluation in range(2, EVALUATIONS + 1):
        step = -torch.linalg.solve(matrix, value)
        z, before = z + step, value
        value = residual(z)
        if evaluation < EVALUATIONS:  # no step follows the last one, and so no update
            change = value - before
            matrix = matrix + torch.outer(change - matrix @ step, step) / (step @ step)
    return (z - value).view_as(start), torch.linalg.inv(matrix)


@pytest.mark.parametrize("layer", LAYERS.names())
def test_gradient_is_that_of_the_explicit_matrices(layer: str) -> None:
    case = layer_case(layer)
    pairs = [dense_broyden(case, sample) for sample in range(len(case.clean))]
    z = torch.cat([image for image, _ in pairs])
    result = differentiate(SharedInverse(fallback=NEVER), case, SHORT)
    bound, _ = case.condition()
    with torch.no_grad():
        assert torch.allclose(result.image, bound(z), rtol=1e-10, atol=1e-12)
    cotangents = case.cotangent(result.image).flatten(1)
    inverses = [explicit for _, explicit in pairs]
    w = torch.cat([h.T @ g for h, g in zip(inverses, cotangents, strict=True)])
    expected = linearise(case, z).pulled_back(w)[: len(case.inputs)]
    assert relative_error(result.gradients, expected) < 1e-8


@pytest.mark.parametrize("layer", LAYERS.names())
def test_fall_back_is_jfb_at_the_same_point(layer: str) -> None:
    case = layer_case(layer)
    fallen = differentiate(SharedInverse(fallback=1e-9), case)
    jfb = differentiate(JacobianFreeBackpropagation(), case)
    assert relative_error(fallen.gradients, jfb.gradients) < 1e-8
    kept = differentiate(SharedInverse(fallback=NEVER), case)
    assert relative_error(kept.gradients, jfb.gradients) > 0.01


def test_backward_pass_takes_one_product() -> None:
    assert differentiate(SharedInverse(), layer_case("degrad")).layer.vjps == 1
