"""The denoiser of PnP-ADMM beside the published one, as a denoiser: set12 at σ = 25/255.

DnCNN (17 layers, 64 features, 50 epochs of 1,600 batches of 128 patches) has 30.44 dB there: Zhang
et al., IEEE TIP 2017, table III. The recipe is read from the environment. That of the paper, for a
GPU, where it is 10 million patches, as 80,000 steps:

    DENOISER_DEPTH=17 DENOISER_FEATURES=64 DENOISER_STEPS=80000 DENOISER_BATCH=128 \\
    DENOISER_PATCHES=204800 DENOISER_RATE=1e-3 DENOISER_DEVICE=cuda DENOISER_CACHE=denoisers \\
    python -m pytest tests/benchmarks/test_denoiser_quality.py --override-ini=addopts= \\
    --import-mode=importlib --benchmark-only -s

DENOISER_CACHE keeps the weights, and a checkpoint every minute, so that a training that was ended
goes on. The images are train400 and set12 in $IMPLICIT_BENCH_BSD.
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
PATCH = 40


def from_environment(name: str, default: str) -> str:
    return os.environ.get(f"DENOISER_{name}", default)


def recipe() -> DenoiserRecipe:
    return DenoiserRecipe(
        depth=int(from_environment("DEPTH", "8")),
        features=int(from_environment("FEATURES", "32")),
        sigma=SIGMA,
        steps=int(from_environment("STEPS", "400")),
        batch_size=int(from_environment("BATCH", "8")),
        learning_rate=float(from_environment("RATE", "3e-3")),
    )


@pytest.mark.timeout(0)  # it takes as long as it is asked to
def test_quality_on_set12(benchmark: Any, tmp_path: Path) -> None:
    """No target: the gap to the published value is what is wanted."""
    data, device = real_images("bsd"), from_environment("DEVICE", "cpu")
    images = Folder(train_path=str(data / "train400"), test_path=str(data / "set12"))
    count = int(from_environment("PATCHES", "4096"))
    patches = torch.from_numpy(images.crops("train", count, PATCH, 1, seed=0)).to(device)
    cache = Path(from_environment("CACHE", str(tmp_path)))
    setting, used = Setting(None, 0.0, Pairs(patches, patches), 0, cache, 60.0), recipe()
    denoiser, seconds = benchmark.pedantic(trained_denoiser, (used, setting), rounds=1)
    qualities = [quality(denoiser, path, device) for path in sorted((data / "set12").iterdir())]
    mean = float(np.mean(qualities))
    benchmark.extra_info["PSNR on set12 (dB)"] = round(mean, 2)
    assert len(qualities) == 12
    announce(
        f"denoiser {used.depth} × {used.features}, {used.steps} steps, {seconds:.0f} s",
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
