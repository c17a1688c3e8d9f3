"""What the benchmarks share: one thread, no denormals, the quick layer on real photographs."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from bench.config.overrides import compose_config
from bench.config.settings import RunConfig
from bench.measurement.models import ImplicitModel, build_model
from bench.measurement.reproducibility import settle_process
from bench.plugins import load_all
from problems.data import Pairs, make_pairs


@pytest.fixture(autouse=True, scope="session")
def quiet_machine() -> None:
    settle_process(num_threads=1)
    load_all([])


def quick_config(method: str, size: int = 32, **changes: Any) -> RunConfig:
    """The configuration of the quick preset for one method."""
    config = compose_config([f"method={method}", f"problem.size={size}"])
    return replace(config, device="cpu", **changes)


def training_data(config: RunConfig, count: int = 64) -> tuple[Any, Pairs]:
    """The operator and the first training pairs of a configuration."""
    physics = config.problem.physics()
    return physics, make_pairs(config.problem, physics, config.images, "train", count, 0)


def quick_model(config: RunConfig, physics: Any) -> ImplicitModel:
    """The model of a gradient method with its first weights."""
    model = build_model(config, physics)
    assert isinstance(model, ImplicitModel)
    return model
