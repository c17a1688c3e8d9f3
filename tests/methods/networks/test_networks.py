from __future__ import annotations

import pytest
import torch
import torch.nn.functional as functional
from torch import Tensor

from bench.contracts.cases import perturb
from bench.registry import LAYERS
from methods.networks.implicit_layer import FixedPointMap
from methods.networks.implicit_layer.contraction import jacobian_norm
from methods.networks.modules import potential_block
from methods.networks.modules.potential_block import (
    ConvexPotentialBlock,
    circular_norm,
    cosine_filters,
)
from tests.support.layers import distances, generator, make_layer, random_images

EVERY_LAYER = pytest.mark.parametrize("name", LAYERS.names())


@pytest.mark.parametrize("size", [3, 5])
@pytest.mark.parametrize(("height", "width"), [(8, 8), (6, 9)])
def test_circular_norm_is_the_largest_singular_value(size: int, height: int, width: int) -> None:
    weight = torch.randn(4, 1, size, size, generator=generator(), dtype=torch.float64)
    pixels = height * width
    basis = torch.eye(pixels, dtype=torch.float64).view(pixels, 1, height, width)
    padded = functional.pad(basis, (size // 2,) * 4, mode="circular")
    dense = functional.conv2d(padded, weight).flatten(1).T
    expected = torch.linalg.matrix_norm(dense, 2)
    assert circular_norm(weight, height, width) == pytest.approx(float(expected), rel=1e-12)


@pytest.mark.parametrize("size", [3, 5])
def test_cosine_filters_are_orthonormal_and_have_no_mean(size: int) -> None:
    filters = cosine_filters(size).double().flatten(1)
    assert filters.shape == (size**2 - 1, size**2)
    assert torch.allclose(filters @ filters.T, torch.eye(len(filters)).double(), atol=1e-6)
    assert filters.sum(1).abs().max() < 1e-5


def make_block(channels: int, seed: int, step: float) -> ConvexPotentialBlock:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        block = ConvexPotentialBlock(channels, 3, 4, 0.1, 2).double()
    perturb(block, generator(seed), scale=1.0)
    torch.nn.init.constant_(block.step, step)
    return block


@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("step", [-3.0, 0.0, 8.0])  # 8: a step of 1.9993, near its limit of 2
def test_block_is_non_expansive(channels: int, step: float) -> None:
    for seed in range(3):
        block = make_block(channels, seed, step)
        start = random_images(channels, seed=seed)
        with torch.no_grad():
            function = block(start)
        for distance in (1e-4, 0.1, 10.0):
            direction = torch.randn(start.shape, generator=generator(seed), dtype=start.dtype)
            moved = start + distance * direction
            ratio = distances(function(moved) - function(start)) / distances(moved - start)
            assert ratio.max() <= 1 + 1e-9
        assert jacobian_norm(FixedPointMap(function, torch.ones(())), start) <= 1 + 1e-9


@pytest.mark.parametrize("channels", [1, 3])
def test_block_is_the_gradient_step_of_a_function(channels: int) -> None:
    """Its Jacobian is symmetric, and I - N has eigenvalues from 0 to the step."""
    block = make_block(channels, seed=1, step=0.0)
    start = random_images(channels, count=1)[..., :6, :6]
    function = block(start)
    size = start.numel()
    dense = torch.autograd.functional.jacobian(function, start, vectorize=True).view(size, size)
    assert torch.allclose(dense, dense.T, atol=1e-12)
    removed = torch.linalg.eigvalsh(torch.eye(size, dtype=dense.dtype) - dense)
    assert removed.min() >= -1e-12
    assert removed.max() <= 1 + 1e-12
    assert removed.max() > 0.05  # it does something


def test_block_takes_the_mean_out_of_what_it_removes() -> None:
    """The filters have no mean at the start of training, so a constant image stays as it is."""
    block = ConvexPotentialBlock(1, 3, 4, 0.1, 2)
    with torch.no_grad():
        block.weight.copy_(cosine_filters(3))
    flat = torch.full((1, 1, 8, 8), 0.7)
    assert torch.allclose(block(flat)(flat), flat, atol=1e-6)


@EVERY_LAYER
def test_normalised_once_per_conditioning_not_per_evaluation(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []

    def counting(weight: Tensor, height: int, width: int) -> Tensor:
        calls.append(1)
        return circular_norm(weight, height, width)

    monkeypatch.setattr(potential_block, "circular_norm", counting)
    layer = make_layer(name, blocks=3)
    function, start = layer.condition(random_images())
    assert len(calls) == 3
    for _ in range(5):
        start = function(start)
    assert len(calls) == 3


@EVERY_LAYER
@pytest.mark.parametrize("channels", [1, 3])
def test_denoiser_is_lipschitz_by_construction(
    name: str, channels: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer = make_layer(name, channels, lipschitz=0.8, scale=1.0)
    seen: list[Tensor] = []
    formula = type(layer.formula)

    def keep(self: object, z: Tensor, denoised: Tensor, *rest: object) -> Tensor:
        seen.append(denoised)
        return denoised

    monkeypatch.setattr(formula, "apply", keep)
    function, _ = layer.condition(random_images(channels))
    z, other = random_images(channels, seed=3), random_images(channels, seed=4)
    function(z), function(other)
    ratio = distances(seen[0] - seen[1]) / distances(z - other)
    assert ratio.max() <= 0.8 + 1e-9
    assert ratio.min() > 0.01


@EVERY_LAYER
def test_jacobian_norm_is_that_of_the_dense_jacobian(name: str) -> None:
    function, start = make_layer(name).condition(random_images())
    start = start.detach()
    size = start[0].numel()
    dense = torch.autograd.functional.jacobian(function, start, vectorize=True)
    norms = [
        torch.linalg.matrix_norm(dense[i, :, :, :, i].reshape(size, size), 2) for i in range(2)
    ]
    expected = float(max(norms))
    assert jacobian_norm(function, start, iterations=400) == pytest.approx(expected, rel=1e-4)
    assert 0.97 * expected < jacobian_norm(function, start) <= expected * (1 + 1e-9)


def test_jacobian_norm_leaves_no_gradient() -> None:
    layer = make_layer("degrad")
    function, start = layer.condition(random_images())
    with torch.no_grad():  # as at test time
        jacobian_norm(function, start)
    assert all(weight.grad is None for weight in layer.parameters())
