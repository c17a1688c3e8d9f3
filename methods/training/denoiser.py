"""The DnCNN denoiser of plug-and-play methods: trained once for given images, then cached."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.machine.code_version import code_version
from bench.machine.description import decisive_versions
from methods.networks.modules.first_weights import start_near_identity
from methods.training.checkpoint_file import CheckpointFile
from methods.training.denoising import NoiseTask, fit_denoiser
from methods.training.weights_file import content_key, load_trained, save_trained, tensor_hash
from problems.seeds import derive_seed

if TYPE_CHECKING:
    from methods.base import Setting

LAST_LAYER_SCALE = 0.1  # of its first filters: the network starts near the identity


@dataclass(frozen=True)
class DenoiserRecipe:
    """What determines the denoiser, besides the images and the seed.

    sigma: the standard deviation of the noise; learning_rate: the largest of the cycle.
    """

    depth: int
    features: int
    sigma: float
    steps: int
    batch_size: int
    learning_rate: float


def trained_denoiser(recipe: DenoiserRecipe, setting: Setting) -> tuple[nn.Module, float]:
    """The denoiser, and the seconds of its training, now or when it was cached."""
    clean, key = setting.train.clean, _key(recipe, setting)
    path = setting.cache / f"denoiser-{key}.safetensors"
    kept = path.with_suffix(".checkpoint")
    checkpoint = CheckpointFile(kept, key, setting.checkpoint_every_seconds)
    model = _model(recipe, clean.shape[1]).to(clean.device)
    seconds = load_trained(path, model)
    if seconds is None:
        seconds = _train(model, recipe, clean, setting.seed, checkpoint)
        save_trained(path, model, seconds)
    checkpoint.discard()
    # Convolutions of this layout take three quarters of the time on a CPU.
    model.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return model.eval().requires_grad_(False), seconds


def _model(recipe: DenoiserRecipe, channels: int) -> nn.Module:
    from deepinv.models import DnCNN

    model: nn.Module = DnCNN(
        channels, channels, depth=recipe.depth, nf=recipe.features, pretrained=None
    )
    return model


def _train(
    model: nn.Module, recipe: DenoiserRecipe, clean: Tensor, seed: int, checkpoint: CheckpointFile
) -> float:
    """Minimise the mean squared error of denoising; the seconds, without those for checkpoints."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "denoiser"))
    start_near_identity(model, "out_conv.weight", LAST_LAYER_SCALE, generator)
    noise = NoiseTask(recipe.sigma, recipe.steps, recipe.batch_size, recipe.learning_rate)
    return fit_denoiser(model, noise, clean, generator, checkpoint)


def _key(recipe: DenoiserRecipe, setting: Setting) -> str:
    """A hash of what determines the weights: images, recipe, seed, device, code and libraries."""
    clean = setting.train.clean
    return content_key(
        {
            "images": tensor_hash(clean),
            "recipe": asdict(recipe),
            "last_layer_scale": LAST_LAYER_SCALE,
            "seed": setting.seed,
            "device": clean.device.type,
            "threads": torch.get_num_threads(),
            "code": code_version([], __name__),
            "libraries": decisive_versions(),
        }
    )
