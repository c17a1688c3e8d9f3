"""The DnCNN denoiser of plug-and-play methods: trained once for given images, then cached."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from bench.machine.code_version import code_version
from bench.machine.description import decisive_versions
from methods.training.checkpoint_file import CheckpointFile
from methods.training.one_cycle import OneCycleAdam
from methods.training.weights_file import content_key, load_weights, save_weights, tensor_hash
from problems.seeds import derive_seed

if TYPE_CHECKING:
    from methods.base import Setting

BATCH_SIZE = 8
LEARNING_RATE = 3e-3
LAST_LAYER_SCALE = 0.1  # of its first filters: the network starts near the identity


@dataclass(frozen=True)
class DenoiserRecipe:
    """What determines the denoiser, besides the images and the seed."""

    depth: int
    features: int
    sigma: float
    steps: int


def trained_denoiser(recipe: DenoiserRecipe, setting: Setting) -> tuple[nn.Module, float]:
    """The denoiser, and the seconds of its training, now or when it was cached."""
    clean, key = setting.train.clean, _key(recipe, setting)
    path = setting.cache / f"denoiser-{key}.safetensors"
    kept = path.with_suffix(".checkpoint")
    checkpoint = CheckpointFile(kept, key, setting.checkpoint_every_seconds)
    model = _model(recipe, clean.shape[1]).to(clean.device)
    seconds = _load(path, model)
    if seconds is None:
        seconds = _train(model, recipe, clean, setting.seed, checkpoint)
        save_weights(path, model.state_dict(), {"train_seconds": repr(seconds)})
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
    for parameter in model.parameters():
        _initialise(parameter, generator)
    with torch.no_grad():
        model.get_parameter("out_conv.weight").mul_(LAST_LAYER_SCALE)
    optimiser = OneCycleAdam(model, LEARNING_RATE, recipe.steps)
    done, earlier = _restore(checkpoint, optimiser, generator)
    started = time.perf_counter()
    for step in range(done + 1, recipe.steps + 1):
        chosen = torch.randint(len(clean), (BATCH_SIZE,), generator=generator)
        batch = clean[chosen.to(clean.device)]
        noise = recipe.sigma * torch.randn(batch.shape, generator=generator).to(batch)
        loss = (model(batch + noise) - batch).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if checkpoint.due:
            earlier += _seconds_since(started, clean.device)
            state = {"optimiser": optimiser.state(), "generator": generator.get_state()}
            checkpoint.save({"steps": step, "seconds": earlier, **state})
            started = time.perf_counter()
    return earlier + _seconds_since(started, clean.device)


def _restore(
    checkpoint: CheckpointFile, optimiser: OneCycleAdam, generator: torch.Generator
) -> tuple[int, float]:
    """Resume from a checkpoint: its steps and seconds; (0, 0.0) without one."""
    state = checkpoint.load()
    if state is None:
        return 0, 0.0
    try:
        optimiser.check(state["optimiser"])
    except (ValueError, LookupError) as error:
        checkpoint.refuse(str(error))
        return 0, 0.0
    optimiser.restore(state["optimiser"])
    generator.set_state(state["generator"])
    return state["steps"], state["seconds"]


def _seconds_since(started: float, device: torch.device) -> float:
    """The seconds until now; a GPU is synchronised first."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    return time.perf_counter() - started


def _initialise(parameter: nn.Parameter, generator: torch.Generator) -> None:
    """He et al.'s normal initialisation of filters, from `generator`; zero for biases."""
    with torch.no_grad():
        if parameter.ndim == 4:
            fan_in = parameter[0].numel()
            values = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
            parameter.copy_(values)
        else:
            parameter.zero_()


def _key(recipe: DenoiserRecipe, setting: Setting) -> str:
    """A hash of what determines the weights: images, recipe, seed, device, code and libraries."""
    clean = setting.train.clean
    return content_key(
        {
            "images": tensor_hash(clean),
            "recipe": asdict(recipe),
            "training": [BATCH_SIZE, LEARNING_RATE, LAST_LAYER_SCALE],
            "seed": setting.seed,
            "device": clean.device.type,
            "threads": torch.get_num_threads(),
            "code": code_version([], __name__),
            "libraries": decisive_versions(),
        }
    )


def _load(path: Path, model: nn.Module) -> float | None:
    """Load cached weights into the model; their training seconds, or None if there are none."""
    found = load_weights(path)
    if found is None:
        return None
    tensors, metadata = found
    try:
        model.load_state_dict(tensors)
        return float(metadata["train_seconds"])
    except (RuntimeError, KeyError, ValueError):
        return None
