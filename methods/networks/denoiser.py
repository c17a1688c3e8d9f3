"""The DnCNN denoiser of plug-and-play methods: trained once for given images, then cached."""

from __future__ import annotations

import hashlib
import json
import os
import time
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from problems.seeds import derive_seed

if TYPE_CHECKING:
    from methods.base import Setting

BATCH_SIZE = 8
LEARNING_RATE = 2e-3


@dataclass(frozen=True)
class DenoiserRecipe:
    """What decides the denoiser, besides the images and the seed."""

    depth: int
    features: int
    sigma: float
    steps: int


def trained_denoiser(recipe: DenoiserRecipe, setting: Setting) -> tuple[nn.Module, float]:
    """The denoiser, and the seconds that its training took, now or when it was cached."""
    clean = setting.train.clean
    path = setting.cache / f"denoiser-{_key(recipe, setting)}.safetensors"
    model = _model(recipe, clean.shape[1]).to(clean.device)
    seconds = _load(path, model)
    if seconds is None:
        seconds = _train(model, recipe, clean, setting.seed)
        _save(path, model, seconds)
    return model.eval().requires_grad_(False), seconds


def _model(recipe: DenoiserRecipe, channels: int) -> nn.Module:
    from deepinv.models import DnCNN

    model: nn.Module = DnCNN(
        channels, channels, depth=recipe.depth, nf=recipe.features, pretrained=None
    )
    return model


def _train(model: nn.Module, recipe: DenoiserRecipe, clean: Tensor, seed: int) -> float:
    """Minimise the mean squared error of denoising; returns the seconds."""
    generator = torch.Generator().manual_seed(derive_seed(seed, "denoiser"))
    for parameter in model.parameters():
        _initialise(parameter, generator)
    optimiser = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    schedule = torch.optim.lr_scheduler.OneCycleLR(
        optimiser, LEARNING_RATE, total_steps=recipe.steps, pct_start=0.1
    )
    started = time.perf_counter()
    for _ in range(recipe.steps):
        batch = clean[
            torch.randint(len(clean), (BATCH_SIZE,), generator=generator).to(clean.device)
        ]
        noise = recipe.sigma * torch.randn(batch.shape, generator=generator).to(batch)
        loss = (model(batch + noise) - batch).square().mean()
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
    return time.perf_counter() - started


def _initialise(parameter: nn.Parameter, generator: torch.Generator) -> None:
    """He et al.'s normal initialisation, from a generator of its own; zero for biases."""
    with torch.no_grad():
        if parameter.ndim == 4:
            fan_in = parameter[0].numel()
            values = torch.randn(parameter.shape, generator=generator) * (2 / fan_in) ** 0.5
            parameter.copy_(values)
        else:
            parameter.zero_()


def _key(recipe: DenoiserRecipe, setting: Setting) -> str:
    """A hash of everything that decides the weights: images, recipe, seed, device, versions."""
    clean = setting.train.clean
    decisive = {
        "images": hashlib.sha256(clean.cpu().numpy().tobytes()).hexdigest(),
        "shape": list(clean.shape),
        "recipe": asdict(recipe),
        "training": [BATCH_SIZE, LEARNING_RATE],
        "seed": setting.seed,
        "device": clean.device.type,
        "threads": torch.get_num_threads(),
        "torch": torch.__version__,
    }
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:20]


def _load(path: Path, model: nn.Module) -> float | None:
    """Fill the model from the cache; None if it is not there or not whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            model.load_state_dict({name: file.get_tensor(name) for name in file.keys()})  # noqa: SIM118
            return float(file.metadata()["train_seconds"])
    except (OSError, SafetensorError, RuntimeError, KeyError, TypeError, ValueError):
        return None


def _save(path: Path, model: nn.Module, seconds: float) -> None:
    """Write to a temporary file, then rename: a reader never sees half a file."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state: dict[str, Any] = {name: value.contiguous() for name, value in model.state_dict().items()}
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(state, temporary, metadata={"train_seconds": repr(seconds)})
        os.replace(temporary, path)
    except (OSError, SafetensorError):  # a cache that cannot be written costs time, not the run
        with suppress(OSError):
            temporary.unlink()
