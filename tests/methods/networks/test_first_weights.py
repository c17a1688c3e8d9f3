from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from methods.networks.modules.first_weights import start_near_identity


class Residual(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.first, self.last = nn.Conv2d(1, 64, 3), nn.Conv2d(64, 1, 3)

    def forward(self, x: Tensor) -> Tensor:
        correction: Tensor = self.last(self.first(x).relu())
        return x[..., 2:-2, 2:-2] + correction


def started(scale: float, seed: int = 0) -> Residual:
    network = Residual()
    generator = torch.Generator().manual_seed(seed)
    start_near_identity(network, "last.weight", scale, generator)
    return network


def test_filters_have_the_variance_of_he_and_biases_are_zero() -> None:
    network = started(1.0)
    assert network.first.weight.var().item() == pytest.approx(2 / 9, rel=0.2)
    assert network.last.weight.var().item() == pytest.approx(2 / (64 * 9), rel=0.2)
    assert not network.first.bias.any()  # type: ignore[union-attr]
    assert not network.last.bias.any()  # type: ignore[union-attr]


def test_only_the_last_filters_are_scaled() -> None:
    plain, scaled = started(1.0), started(0.01)
    assert torch.equal(plain.first.weight, scaled.first.weight)
    assert torch.allclose(0.01 * plain.last.weight, scaled.last.weight)


def test_the_generator_alone_decides() -> None:
    state = torch.get_rng_state()
    network = Residual()
    torch.set_rng_state(state)
    start_near_identity(network, "last.weight", 1.0, torch.Generator().manual_seed(3))
    assert torch.equal(torch.get_rng_state(), state)
    assert torch.equal(network.first.weight, started(1.0, seed=3).first.weight)
    assert not torch.equal(network.first.weight, started(1.0, seed=4).first.weight)
