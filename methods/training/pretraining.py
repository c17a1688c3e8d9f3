"""The network of a layer, trained as a denoiser before the layer is: once, then cached."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.machine.code_version import code_version
from bench.machine.description import decisive_versions
from methods.networks.base import Network
from methods.networks.implicit_layer import ImplicitLayer
from methods.training.checkpoint_file import CheckpointFile
from methods.training.denoising import NoiseTask, fit_denoiser
from methods.training.weights_file import content_key, load_trained, save_trained, tensor_hash
from problems.seeds import derive_seed

BATCH_SIZE = 8


def pretrain(
    layer: ImplicitLayer, clean: Tensor, seed: int, cache: Path, checkpoint_every_seconds: float
) -> float:
    """Train N_θ to remove noise, as its parameters named pretrain_… say; the seconds.

    clean: the training images (N, C, H, W). All gradient methods of one seed start from the same
    weights: they are kept in `cache`, with the seconds that their training took.
    """
    network, module = layer.network, layer.learned
    if not network.pretrain_steps:
        return 0.0
    key = _key(network, module, clean, seed)
    path = cache / f"pretrained-{key}.safetensors"
    checkpoint = CheckpointFile(path.with_suffix(".checkpoint"), key, checkpoint_every_seconds)
    seconds = load_trained(path, module)
    if seconds is None:
        generator = torch.Generator().manual_seed(derive_seed(seed, "denoiser"))
        task = NoiseTask(
            network.pretrain_sigma,
            network.pretrain_steps,
            BATCH_SIZE,
            network.pretrain_learning_rate,
        )
        seconds = fit_denoiser(_Denoiser(network, module), task, clean, generator, checkpoint)
        save_trained(path, module, seconds)
    checkpoint.discard()
    return seconds


class _Denoiser(nn.Module):
    """N_θ with the noisy image as the starting point."""

    def __init__(self, network: Network, module: nn.Module) -> None:
        super().__init__()
        self.network, self.module = network, module

    def forward(self, noisy: Tensor) -> Tensor:
        return self.network.bind(self.module, noisy)(noisy)


def _key(network: Network, module: nn.Module, clean: Tensor, seed: int) -> str:
    """A hash of what determines the weights: images, start, task, seed, device, code, libraries."""
    return content_key(
        {
            "images": tensor_hash(clean),
            "initial": tensor_hash(*module.state_dict().values()),
            "network": [type(network).__name__, asdict(network)],
            "batch_size": BATCH_SIZE,
            "seed": seed,
            "device": clean.device.type,
            "threads": torch.get_num_threads(),
            "code": code_version([type(network)], __name__),
            "libraries": decisive_versions(),
        }
    )
