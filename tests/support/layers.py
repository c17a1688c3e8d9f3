"""Small layers in float64, for the tests of layers and networks."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import perturb
from bench.plugins import load_builtins
from bench.registry import LAYERS
from methods.networks.convex_potential import ConvexPotential
from methods.networks.implicit_layer import ImplicitLayer
from problems.gaussian import GaussianBlur
from problems.motion import MotionBlur

load_builtins()
SIZE = 16


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def random_images(channels: int = 1, count: int = 2, seed: int = 0) -> Tensor:
    """(count, channels, 16, 16), uniform in [0, 1]."""
    shape = count, channels, SIZE, SIZE
    return torch.rand(shape, generator=generator(seed), dtype=torch.float64)


def make_layer(
    name: str,
    channels: int = 1,
    *,
    blur: str = "motion",
    kernel_size: int = 5,
    scale: float = 0.5,
    **parameters: float,
) -> ImplicitLayer:
    """A layer whose weights are moved by normal noise of standard deviation `scale`."""
    kind = MotionBlur if blur == "motion" else GaussianBlur
    problem = kind(size=SIZE, kernel_size=kernel_size, channels=channels)
    return layer_on(problem.physics(dtype=torch.float64), name, channels, scale, **parameters)


def layer_on(
    physics: Any, name: str, channels: int = 1, scale: float = 0.5, **parameters: float
) -> ImplicitLayer:
    """The same for any operator in float64; parameters are those of the layer and its network."""
    known = {field.name for field in fields(ConvexPotential)}
    of_network: dict[str, Any] = {key: parameters[key] for key in known & parameters.keys()}
    formula = LAYERS.get(name)(**{key: parameters[key] for key in parameters.keys() - known})
    network = ConvexPotential(**{"guide_features": 2, **of_network})
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = ImplicitLayer(formula, physics, channels, network).double()
    perturb(layer, generator(1), scale)
    return layer


def distances(difference: Tensor) -> Tensor:
    """The norm of each sample."""
    return difference.flatten(1).norm(dim=1)
