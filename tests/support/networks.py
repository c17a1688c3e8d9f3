"""Tiny trained models, for the tests of training and of its memory."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

import torch

from bench.config.settings import ForwardConfig, RunConfig, TrainConfig
from bench.measurement.models import TrainedModel, build_model
from bench.plugins import load_builtins
from bench.registry import LAYERS, METHODS
from methods.networks.convex_potential import ConvexPotential
from problems.data import Pairs
from problems.motion import MotionBlur

load_builtins()
PROBLEM = MotionBlur(size=16, kernel_size=5)
TRAIN = TrainConfig(steps=6, batch_size=2, evaluate_every=3, crops=5)
# The built-in classes, kept for tests in which the registries hold other ones.
BUILT_IN = {**dict(METHODS.items()), **dict(LAYERS.items())}


def run_config(
    method: str = "jfb",
    layer: str = "degrad",
    *,
    seed: int = 0,
    guide_features: int = 2,
    forward: ForwardConfig | None = None,
    parameters: Mapping[str, object] | None = None,
) -> RunConfig:
    return RunConfig(
        method=BUILT_IN[method](**(parameters or {})),
        problem=PROBLEM,
        layer=BUILT_IN[layer](),
        network=ConvexPotential(guide_features=guide_features),
        forward=forward or ForwardConfig(tolerance=1e-3, max_iterations=15),
        train=replace(TRAIN),
        seed=seed,
        device="cpu",
    )


def model_of(config: RunConfig) -> TrainedModel:
    return build_model(config, PROBLEM.physics())


def random_pairs(count: int = 5) -> Pairs:
    """Smooth random images and their noisy observations, the same each time."""
    generator = torch.Generator().manual_seed(0)
    coarse = torch.rand(count, 1, 4, 4, generator=generator)
    clean = torch.nn.functional.interpolate(coarse, size=16, mode="bilinear", align_corners=False)
    observed = PROBLEM.physics().A(clean)
    return Pairs(clean, observed + 0.01 * torch.randn(clean.shape, generator=generator))
