"""What gradients are measured on in tests: two images of 16 pixels, at random weights."""

from __future__ import annotations

import torch

from bench.measurement.gradient import Case
from bench.measurement.models import build_model
from problems.data import Pairs
from tests.support.networks import PROBLEM, random_pairs, run_config


def gradient_case() -> Case:
    """Two images of 16 pixels, at weights away from their symmetric start."""
    config = run_config()
    physics = PROBLEM.physics()
    generator = torch.Generator().manual_seed(3)
    weights = {
        name: value.detach() + 0.1 * torch.randn(value.shape, generator=generator)
        for name, value in build_model(config, physics).module.named_parameters()
    }
    pairs = random_pairs(2)
    return Case(config, physics, Pairs(pairs.clean, pairs.observed), weights)
