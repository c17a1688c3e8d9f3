"""The feed-forward networks, each as a map of images."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from bench.plugins import load_builtins
from bench.registry import METHODS
from methods.base import FeedForwardMethod

load_builtins()
SMALL: dict[str, dict[str, int]] = {
    "dncnn": {"depth": 3, "features": 4},
    "unet": {"scales": 2, "features": 4},
    "restormer": {"features": 2},
}
EVERY = pytest.mark.parametrize("name", SMALL)


def network(name: str, channels: int = 1, seed: int = 0, **parameters: int) -> Any:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return METHODS.get(name)(**{**SMALL[name], **parameters}).network(channels)


def images(channels: int = 1, height: int = 16, width: int = 16) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    return torch.rand(3, channels, height, width, generator=generator)


def test_every_one_is_tested() -> None:
    found = {name for name, cls in METHODS.items() if issubclass(cls, FeedForwardMethod)}
    assert found >= set(SMALL)
    assert {name for name in found if METHODS.entry(name).source == "built-in"} == set(SMALL)


@EVERY
@pytest.mark.parametrize("channels", [1, 3])
@pytest.mark.parametrize("size", [(16, 16), (17, 21), (33, 16)])
def test_output_has_the_shape_of_the_input(name: str, channels: int, size: tuple[int, int]) -> None:
    x = images(channels, *size)
    assert network(name, channels)(x).shape == x.shape


@EVERY
def test_images_of_a_batch_do_not_mix(name: str) -> None:
    model, x = network(name), images()
    together, alone = (model(each) - each for each in (x, x[:1]))  # the first output is almost x
    assert together[:1].std() > 0
    assert (together[:1] - alone).abs().max() < 1e-3 * alone.std()


@EVERY
def test_first_weights_depend_on_the_seed_alone(name: str) -> None:
    x = images()
    first, same, other = (network(name, seed=seed)(x) for seed in (0, 0, 1))
    assert torch.equal(first, same)
    assert not torch.equal(first, other)


@EVERY
def test_every_weight_is_trained(name: str) -> None:
    model = network(name)
    (model(images()) - 0.5).square().mean().backward()
    without = [key for key, weight in model.named_parameters() if weight.grad is None]
    assert not without


@pytest.mark.parametrize(("name", "parameter"), [("unet", "scales"), ("restormer", "blocks")])
def test_a_larger_parameter_is_a_larger_network(name: str, parameter: str) -> None:
    small, large = (
        sum(weight.numel() for weight in network(name, **{parameter: value}).parameters())
        for value in (2, 3)
    )
    assert large > small


@pytest.mark.parametrize("seed", range(3))
def test_unet_starts_near_the_identity(seed: int) -> None:
    """In RMS: PyTorch's own first weights add a constant of 0.1 to 0.25 to every pixel."""
    x = images()
    correction = network("unet", seed=seed, scales=3, features=16)(x) - x
    assert 0 < correction.square().mean().sqrt() < 0.02
