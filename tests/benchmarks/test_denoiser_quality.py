"""The denoiser of PnP-ADMM beside the published one, as a denoiser: set12 at σ = 25/255.

DnCNN (17 layers, 64 features, 50 epochs of 1,600 batches of 128 patches) has 30.44 dB there: Zhang
et al., IEEE TIP 2017, table III. Size and length are read from the environment, so that a GPU can
go all the way: DENOISER_DEPTH, DENOISER_FEATURES, DENOISER_STEPS, DENOISER_DEVICE.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from methods.base import Setting
from methods.training.denoiser import DenoiserRecipe, trained_denoiser
from problems.data import Pairs
from problems.images.folder import Folder
from tests.benchmarks.contest import announce
from tests.support.real_images import real_images

SIGMA = 25 / 255
PUBLISHED = 30.44
PATCH, PATCHES = 40, 4096


def from_environment(name: str, default: int) -> int:
    return int(os.environ.get(f"DENOISER_{name}", default))


@pytest.mark.timeout(0)  # it takes as long as it is asked to
def test_quality_on_set12(benchmark: Any, tmp_path: Path) -> None:
    """No target: the gap to the published value is what is wanted."""
    data = real_images("bsd")
    device = os.environ.get("DENOISER_DEVICE", "cpu")
    images = Folder(train_path=str(data / "train400"), test_path=str(data / "set12"))
    patches = torch.from_numpy(images.crops("train", PATCHES, PATCH, 1, seed=0)).to(device)
    depth, features = from_environment("DEPTH", 8), from_environment("FEATURES", 32)
    recipe = DenoiserRecipe(depth, features, SIGMA, from_environment("STEPS", 400))
    cache = Path(os.environ.get("DENOISER_CACHE", tmp_path))
    setting = Setting(None, 0.0, Pairs(patches, patches), 0, cache, 60.0)
    denoiser, seconds = benchmark.pedantic(trained_denoiser, (recipe, setting), rounds=1)
    qualities = [quality(denoiser, path, device) for path in sorted((data / "set12").iterdir())]
    mean = float(np.mean(qualities))
    benchmark.extra_info["PSNR on set12 (dB)"] = round(mean, 2)
    assert len(qualities) == 12
    announce(
        f"denoiser of {depth} layers, {features} features, {recipe.steps} steps, {seconds:.0f} s",
        [f"set12 at 25/255: {mean:.2f} dB (published: {PUBLISHED}), gap {PUBLISHED - mean:.2f} dB"],
    )


@torch.no_grad()
def quality(denoiser: torch.nn.Module, path: Path, device: str) -> float:
    """The PSNR (dB) of one picture, its noise drawn from its name."""
    with Image.open(path) as picture:
        clean = torch.from_numpy(np.asarray(picture.convert("L"), np.float32) / 255)[None, None]
    seed = int.from_bytes(path.stem.encode()[-4:], "big")
    noise = torch.randn(clean.shape, generator=torch.Generator().manual_seed(seed))
    error = denoiser((clean + SIGMA * noise).to(device)).cpu() - clean
    return float(-10 * torch.log10(error.square().mean()))
