"""The network of a layer, trained as a denoiser before the layer is."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from torch import Tensor

from methods.networks.base import Network
from methods.networks.convex_potential import ConvexPotential
from methods.networks.dncnn import SpectralDnCNN
from methods.networks.implicit_layer import ImplicitLayer
from methods.training import pretraining
from methods.training.pretraining import pretrain
from problems.motion import MotionBlur
from tests.support.layers import layer_on

SIGMA = 0.1
NETWORKS = {
    "dncnn": SpectralDnCNN(depth=3, features=8, pretrain_steps=60, pretrain_sigma=SIGMA),
    "convex_potential": ConvexPotential(guide_features=2, pretrain_steps=60, pretrain_sigma=SIGMA),
}


def layer_with(network: Network) -> ImplicitLayer:
    layer = layer_on(MotionBlur(size=16, kernel_size=5).physics(), "degrad", scale=0.0).float()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return ImplicitLayer(layer.formula, layer.physics, 1, network)


def smooth_images(count: int = 12) -> Tensor:
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 1, 4, 4, generator=generator)
    return torch.nn.functional.interpolate(coarse, size=16, mode="bilinear", align_corners=False)


def weights(layer: ImplicitLayer) -> Tensor:
    return torch.cat([weight.detach().flatten() for weight in layer.learned.parameters()])


def error(layer: ImplicitLayer) -> float:
    """The mean squared error on images with other noise, relative to that of the noise."""
    clean = smooth_images()
    noisy = clean + SIGMA * torch.randn(clean.shape, generator=torch.Generator().manual_seed(9))
    with torch.no_grad():
        denoised = layer.network.bind(layer.learned, noisy)(noisy)
    return float((denoised - clean).square().mean() / SIGMA**2)


@pytest.mark.parametrize("network", NETWORKS.values(), ids=NETWORKS)
def test_it_learns_to_remove_noise_and_is_trained_once(
    network: Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    layer, again = layer_with(network), layer_with(network)
    before = error(layer)
    seconds = pretrain(layer, smooth_images(), 0, tmp_path, 0.0)
    assert seconds > 0
    assert error(layer) < 0.9 * before

    def fail(*_: object) -> float:
        raise AssertionError("it was trained again")

    monkeypatch.setattr(pretraining, "fit_denoiser", fail)
    assert pretrain(again, smooth_images(), 0, tmp_path, 0.0) == seconds
    assert torch.equal(weights(layer), weights(again))


def test_without_steps_nothing_changes(tmp_path: Path) -> None:
    layer = layer_with(replace(NETWORKS["dncnn"], pretrain_steps=0))
    before = weights(layer)
    assert pretrain(layer, smooth_images(), 0, tmp_path, 0.0) == 0.0
    assert torch.equal(weights(layer), before)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["seed", "images", "sigma", "steps", "learning_rate"])
def test_other_weights_are_trained_for_another_task(change: str, tmp_path: Path) -> None:
    network = replace(NETWORKS["dncnn"], pretrain_steps=3)
    first = layer_with(network)
    pretrain(first, smooth_images(), 0, tmp_path, 0.0)
    values = {"sigma": 0.2, "steps": 4, "learning_rate": 1e-3}
    if change in values:
        network = replace(network, **{f"pretrain_{change}": values[change]})
    other = layer_with(network)
    images = smooth_images() * (0.5 if change == "images" else 1.0)
    pretrain(other, images, 1 if change == "seed" else 0, tmp_path, 0.0)
    assert not torch.equal(weights(first), weights(other))
    assert len(list(tmp_path.glob("pretrained-*.safetensors"))) == 2
