"""Many vectors in one tensor are counted as many, by whatever means they got there."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap
from methods.networks.implicit_layer.batching import width

ROWS, MANY = 2, 7
Z = torch.linspace(0, 1, ROWS * 3, dtype=torch.float64).view(ROWS, 1, 1, 3)
VECTORS = torch.linspace(-1, 1, MANY * Z.numel(), dtype=torch.float64).view(MANY, *Z.shape)


def fresh() -> FixedPointMap:
    return FixedPointMap(torch.tanh, torch.ones(()), ROWS)


def recorded(layer: FixedPointMap) -> tuple[Tensor, Tensor]:
    point = Z.clone().requires_grad_()
    return layer(point), point


def one_by_one(layer: FixedPointMap) -> None:
    value, point = recorded(layer)
    for vector in VECTORS:
        torch.autograd.grad(value, point, vector, retain_graph=True)


def batched_gradients(layer: FixedPointMap) -> None:
    torch.autograd.grad(*recorded(layer), VECTORS, is_grads_batched=True)


def vmapped_pullback(layer: FixedPointMap) -> None:
    _, pull = torch.func.vjp(layer, Z)
    torch.vmap(pull)(VECTORS)


def vmapped_push(layer: FixedPointMap) -> None:
    torch.vmap(lambda vector: torch.func.jvp(layer, (Z,), (vector,))[1])(VECTORS)


# When torch.func.jvp is first called, it uses a part of PyTorch that PyTorch calls deprecated.
@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")
@pytest.mark.parametrize("way", [one_by_one, batched_gradients, vmapped_pullback, vmapped_push])
def test_products_count_by_their_number(way: Callable[[FixedPointMap], None]) -> None:
    layer = fresh()
    way(layer)
    assert (layer.evaluations, layer.vjps) == (1, MANY)


def vmapped(layer: FixedPointMap) -> None:
    torch.vmap(layer)(VECTORS)


def twice_vmapped(layer: FixedPointMap) -> None:
    torch.vmap(torch.vmap(layer))(VECTORS.unsqueeze(0))


def as_one_batch(layer: FixedPointMap) -> None:
    layer(VECTORS.flatten(0, 1))


@pytest.mark.parametrize("way", [vmapped, twice_vmapped, as_one_batch])
def test_evaluations_count_by_their_number(way: Callable[[FixedPointMap], None]) -> None:
    layer = fresh()
    way(layer)
    assert (layer.evaluations, layer.vjps) == (MANY, 0)


def test_part_of_a_batch_counts_as_one() -> None:
    assert width(Z[:1], ROWS) == 1
    assert width(torch.ones(3, 1), ROWS) == 2
    assert width(torch.ones(30, 1)) == 1


def test_samples_taken_apart_by_vmap_make_one_batch() -> None:
    layer = fresh()
    torch.vmap(lambda sample: layer(sample[None]))(Z)
    assert layer.evaluations == 1
