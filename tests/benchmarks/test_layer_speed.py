"""The block with written-out derivatives, beside the same block in PyTorch's convolutions."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import pytest
import torch

from bench.measurement.training import step_without_update
from methods.networks.modules import potential_block
from methods.networks.modules.potential_step import by_convolutions
from tests.benchmarks.conftest import quick_config, quick_model, training_data
from tests.benchmarks.contest import BATCH, announce, median_times

Work = Callable[[], object]
WAYS = "by hand", "convolutions"
PRODUCTS = 10  # evaluations, or products, in a row: as a solver makes them
EVALUATION_TARGETS = {32: 0.55, 64: 0.5, 128: 0.45}
PRODUCT_TARGETS = {32: 0.6, 64: 0.4, 128: 0.35}
STEP_TARGETS = {"jfb": 0.6, "phantom": None, "neumann": None, "ift": 0.45, "unrolling": 0.45}


@contextmanager
def blocks(way: str) -> Iterator[None]:
    """Layers are conditioned with the blocks of one of WAYS."""
    kept = potential_block.PotentialStep
    if way == "convolutions":

        def plain(*parameters: Any) -> Any:
            return lambda z: by_convolutions(z, *parameters)

        potential_block.PotentialStep = plain  # type: ignore[assignment, misc]
    try:
        yield
    finally:
        potential_block.PotentialStep = kept  # type: ignore[misc]


def compared(benchmark: Any, title: str, target: float | None, work: dict[str, Work]) -> None:
    """Time both ways in turns; print and keep their ratio."""
    times = median_times(work)
    benchmark.pedantic(work["by hand"], rounds=5)
    ratio = times["by hand"] / times["convolutions"]
    benchmark.extra_info["by hand / convolutions"] = round(ratio, 3)
    milliseconds = " and ".join(f"{1e3 * times[way]:.2f}" for way in WAYS)
    aim = "" if target is None else f" (target: at most {target})"
    announce(title, [f"by hand / convolutions: {ratio:.2f}{aim}, {milliseconds} ms"])


@pytest.mark.parametrize("size", EVALUATION_TARGETS)
def test_evaluation_and_product(benchmark: Any, size: int) -> None:
    """Targets: those of the evaluation are stated; see PRODUCT_TARGETS for the other."""
    physics, pairs = training_data(quick_config("jfb", size), BATCH)
    evaluations: dict[str, Work] = {}
    products: dict[str, Work] = {}
    for way in WAYS:
        model = quick_model(quick_config("jfb", size), physics)
        with blocks(way):
            layer, start = model._layer.condition(pairs.observed)
        point = start.detach().requires_grad_()
        value = layer(point)
        evaluations[way] = partial(_evaluate, layer, point.detach())
        products[way] = partial(_multiply, value, point)
    times = median_times(products)
    ratio = times["by hand"] / times["convolutions"]
    benchmark.extra_info["product, by hand / convolutions"] = round(ratio, 3)
    aim = f"{ratio:.2f} (target: at most {PRODUCT_TARGETS[size]})"
    each = " and ".join(f"{1e3 * times[way] / PRODUCTS:.2f}" for way in WAYS)
    announce(f"{PRODUCTS} products, {size}", [f"by hand / convolutions: {aim}, {each} ms each"])
    compared(benchmark, f"{PRODUCTS} evaluations, {size}", EVALUATION_TARGETS[size], evaluations)


@torch.no_grad()
def _evaluate(layer: Callable[[Any], Any], z: Any) -> None:
    for _ in range(PRODUCTS):
        layer(z)


def _multiply(value: Any, point: Any) -> None:
    for _ in range(PRODUCTS):
        torch.autograd.grad(value, point, value.detach(), retain_graph=True)


@pytest.mark.parametrize("size", [32, 64])
@pytest.mark.parametrize("method", STEP_TARGETS)
def test_training_step_by_either(benchmark: Any, method: str, size: int) -> None:
    """Targets at 64 pixels: 0.6 for jfb, 0.45 for ift and unrolling."""
    config = quick_config(method, size)
    physics, pairs = training_data(config, BATCH)
    work = {}
    for way in WAYS:
        model = quick_model(config, physics)

        def step(model: Any = model, way: str = way) -> None:
            with blocks(way):
                step_without_update(model, pairs.observed, pairs.clean, "psnr")

        work[way] = step
    target = STEP_TARGETS[method] if size == 64 else None
    compared(benchmark, f"training step, {method}, {size}", target, work)
