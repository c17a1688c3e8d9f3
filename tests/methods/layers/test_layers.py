from __future__ import annotations

import pytest
import torch

from bench.registry import LAYERS
from methods.layers.data_term import DataTerm
from methods.networks.implicit_layer.contraction import jacobian_norm
from problems.motion import MotionBlur
from tests.support.layers import SIZE, distances, make_layer, random_images
from tests.support.soaked import only

EVERY_LAYER = pytest.mark.parametrize("name", LAYERS.names())
CONTRACTING = [("deprox", {}), ("degrad", {}), ("degrad", {"step_size": 1.0})]


@pytest.fixture(params=[1, 3], ids=["grey", "colour"])
def data(request: pytest.FixtureRequest) -> DataTerm:
    problem = MotionBlur(size=SIZE, kernel_size=5, channels=request.param)
    return DataTerm(problem.physics(dtype=torch.float64), random_images(request.param, seed=5))


def observed_of(data: DataTerm) -> torch.Tensor:
    return random_images(data.adjoint.shape[1], seed=5)


def test_data_gradient_is_that_of_the_squared_error(data: DataTerm) -> None:
    z = random_images(data.adjoint.shape[1], seed=6).requires_grad_()
    error = data.physics.A(z) - observed_of(data)
    (expected,) = torch.autograd.grad(0.5 * error.square().sum(), z)
    assert torch.allclose(data.gradient(z.detach()), expected, atol=1e-12)


@pytest.mark.parametrize("strength", [0.01, 1.0, 30.0])
def test_proximal_satisfies_its_optimality_condition(data: DataTerm, strength: float) -> None:
    """Aᵀ(A x - y) + λ (x - z) = 0."""
    z = random_images(data.adjoint.shape[1], seed=6)
    x = data.proximal(z, strength)
    slope = data.physics.A_adjoint(data.physics.A(x) - observed_of(data)) + strength * (x - z)
    assert slope.abs().max() < 1e-10 * max(1.0, strength)


def test_square_norm_is_that_of_the_operator(data: DataTerm) -> None:
    channels = data.adjoint.shape[1]
    size = channels * SIZE**2
    basis = torch.eye(size, dtype=torch.float64).view(size, channels, SIZE, SIZE)
    dense = data.physics.A(basis).flatten(1)
    expected = float(torch.linalg.matrix_norm(dense, 2)) ** 2
    assert float(data.square_norm) == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("strength", [0.05, 1.0, 20.0])
@pytest.mark.parametrize(("name", "parameters"), CONTRACTING)
def test_layer_contracts_by_its_bound(
    name: str, parameters: dict[str, float], strength: float, channels: int
) -> None:
    layer = make_layer(name, channels, strength=strength, lipschitz=0.9, **parameters)
    observed = random_images(channels)
    function, start = layer.condition(observed)
    bound = function.contraction_bound.item()
    assert bound < 1
    with torch.no_grad():
        for seed in range(3):
            z, other = (random_images(channels, seed=10 * seed + i) for i in (1, 2))
            ratio = distances(function(z) - function(other)) / distances(z - other)
            assert ratio.max() <= bound + 1e-9
    assert jacobian_norm(function, start) <= bound + 1e-9


@pytest.mark.parametrize("strength", only([0.05, 20.0], [0.05, 1.0, 20.0]))
@pytest.mark.parametrize(("name", "parameters"), CONTRACTING)
def test_bound_is_met_where_nothing_is_denoised(
    name: str, parameters: dict[str, float], strength: float
) -> None:
    """With N = I, and a frequency that A does not pass, the bound is the contraction factor."""
    layer = make_layer(
        name, blur="gaussian", scale=0.0, strength=strength, lipschitz=0.9, **parameters
    )
    for block in layer.learned:
        torch.nn.init.constant_(block.step, -40.0)
    mask = layer.physics.mask
    mask[mask <= mask.min() * 1.001] = 0
    function, start = layer.condition(random_images())
    bound = function.contraction_bound.item()
    assert jacobian_norm(function, start, iterations=300) == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize("strength", [0.05, 1.0, 20.0])
def test_largest_step_is_met_where_the_denoiser_reverses(strength: float) -> None:
    """With A = I and a N that turns a frequency round, T is as far below 0 as the bound is above.

    It is why η is at most 2 / (|AᵀA| + 2λ); one block, nearly linear, of a step near 2.
    """
    layer = make_layer(
        "degrad",
        blur="gaussian",
        kernel_size=1,
        scale=0.0,
        strength=strength,
        lipschitz=0.9,
        step_size=1.0,
        blocks=1,
        threshold=1e4,
    )
    torch.nn.init.constant_(layer.learned[0].step, 12.0)
    function, start = layer.condition(random_images())
    bound = function.contraction_bound.item()
    measured = jacobian_norm(function, start, iterations=300)
    assert measured <= bound + 1e-9
    assert measured == pytest.approx(bound, rel=5e-3)


@EVERY_LAYER
def test_fixed_point_of_a_perfect_observation_without_denoising_fits_the_data(name: str) -> None:
    """With N = I and ρ near 1 the fixed point minimises ½|A z - y|², so A z = y."""
    layer = make_layer(name, scale=0.0, lipschitz=1 - 1e-9, strength=0.2)
    for block in layer.learned:
        torch.nn.init.constant_(block.step, -40.0)
    observed = layer.physics.A(random_images())
    function, z = layer.condition(observed)
    with torch.no_grad():
        before = distances(layer.physics.A(z) - observed)
        for _ in range(300):
            z = function(z)
        assert (distances(layer.physics.A(z) - observed) < 0.01 * before).all()


@EVERY_LAYER
def test_starting_point_is_the_regularised_inverse(name: str) -> None:
    """(AᵀA + δI) z₀ = Aᵀy."""
    layer = make_layer(name, start_regularisation=0.05)
    observed = random_images()
    _, start = layer.condition(observed)
    left = layer.physics.A_adjoint(layer.physics.A(start)) + 0.05 * start
    assert torch.allclose(left, layer.physics.A_adjoint(observed), atol=1e-12)


@EVERY_LAYER
def test_samples_of_a_batch_do_not_mix(name: str) -> None:
    layer, observed = make_layer(name), random_images(count=3)
    together, start = layer.condition(observed)
    alone, first = layer.condition(observed[:1])
    assert torch.allclose(together(start)[:1], alone(first), atol=1e-12)
