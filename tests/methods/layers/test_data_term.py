"""The data term of operators beyond circular blur, and the layers made of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import LayerCase
from bench.contracts.differentiation import differentiate
from bench.registry import LAYERS
from methods.ift import ImplicitFunctionTheorem
from methods.layers.data_term import DataTerm
from methods.networks.implicit_layer.contraction import jacobian_norm
from methods.solvers.forward import ForwardSolver
from problems.motion import MotionBlur
from tests.support.layers import distances, generator, layer_on
from tests.support.operators import SMALL, dense, images, operator
from tests.support.soaked import only

EVERY = pytest.mark.parametrize("name", SMALL)
EVERY_LAYER = pytest.mark.parametrize("formula", LAYERS.names())


def observed_through(name: str) -> Tensor:
    return torch.as_tensor(operator(name).A(images(7)))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("strength", [0.01, 2.0])
def test_circular_blur_has_the_bits_of_its_own_formula(dtype: torch.dtype, strength: float) -> None:
    physics = MotionBlur(size=16, kernel_size=5).physics(dtype=dtype)
    y, z = images(1).to(dtype), images(2).to(dtype)
    data, squares, adjoint = DataTerm(physics, y), physics.mask**2, physics.A_adjoint(y)
    assert torch.equal(data.square_norm, squares.max())
    assert torch.equal(data.gradient(z), physics.V(squares * physics.V_adjoint(z)) - adjoint)
    spectrum = physics.V_adjoint(adjoint + strength * z) / (squares + strength)
    assert torch.equal(data.proximal(z, strength), physics.V(spectrum))


@EVERY
def test_gradient_is_that_of_the_squared_error(name: str) -> None:
    z, y = images(6).requires_grad_(), observed_through(name) + 0.1
    data = DataTerm(operator(name), y)
    (expected,) = torch.autograd.grad(0.5 * (data.physics.A(z) - y).square().sum(), z)
    assert torch.allclose(data.gradient(z.detach()), expected, atol=1e-12)


@EVERY
def test_proximal_map_is_the_dense_minimiser(name: str) -> None:
    z, y, strength = images(6), observed_through(name) + 0.1, 0.3
    matrix = dense(operator(name))
    eye = torch.eye(matrix.shape[1], dtype=torch.float64)
    right = y.flatten(1) @ matrix + strength * z.flatten(1)
    expected = torch.linalg.solve(matrix.T @ matrix + strength * eye, right.T).T
    found = DataTerm(operator(name), y).proximal(z, strength).flatten(1)
    assert float((found - expected).abs().max()) < 1e-8


@EVERY
@EVERY_LAYER
def test_layer_starts_and_maps_in_the_shape_of_the_image(name: str, formula: str) -> None:
    function, start = layer_on(operator(name), formula, lipschitz=0.9).condition(
        observed_through(name)
    )
    assert start.shape == function(start).shape == (2, 1, 16, 16)


@EVERY
@EVERY_LAYER
def test_layer_contracts_by_its_bound(name: str, formula: str) -> None:
    function, start = layer_on(operator(name), formula, lipschitz=0.9, strength=0.5).condition(
        observed_through(name)
    )
    bound = function.contraction_bound.item()
    assert bound < 1
    with torch.no_grad():
        for seed in range(2):
            z, other = images(10 * seed + 1), images(10 * seed + 2)
            ratio = distances(function(z) - function(other)) / distances(z - other)
            assert float(ratio.max()) <= bound + 1e-9
    assert jacobian_norm(function, start) <= bound + 1e-9


@pytest.mark.parametrize("name", only(["valid", "bicubic"], SMALL))
@EVERY_LAYER
def test_gradient_at_the_fixed_point_is_the_finite_difference(name: str, formula: str) -> None:
    """dℓ/dθ by the implicit function theorem, through the solves of the data term."""
    layer = layer_on(operator(name), formula, lipschitz=0.9, strength=2.0)
    case = LayerCase(formula, layer, observed_through(name), images(7))
    found = differentiate(ImplicitFunctionTheorem().at_limit(), case).gradients
    raw = [torch.randn(w.shape, generator=generator(3), dtype=w.dtype) for w in case.weights]
    slope = sum(float((g * d).sum()) for g, d in zip(found, raw, strict=True))
    assert slope == pytest.approx(difference_along(case, raw), rel=1e-5)


@torch.no_grad()
def difference_along(case: LayerCase, direction: list[Tensor], step: float = 1e-5) -> float:
    """The central difference of ℓ(z*) along a direction of the weights."""
    losses = []
    for sign in (1, -1):
        named = zip(case.layer.named_parameters(), direction, strict=True)
        moved = {name: weight + sign * step * d for (name, weight), d in named}
        losses.append(float(case.loss(ForwardSolver(case.tight)(*case.condition(moved)))))
    return (losses[0] - losses[1]) / (2 * step)
