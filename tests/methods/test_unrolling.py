"""Unrolling that recomputes segments, against unrolling that stores all steps."""

from __future__ import annotations

from dataclasses import replace

import pytest
import torch

from bench.contracts.cases import DTYPES, layer_case
from bench.contracts.differentiation import differentiate, relative_error
from bench.contracts.memory import application_bytes, step_bytes
from bench.plugins import load_builtins
from bench.registry import LAYERS
from methods.solvers.forward import ForwardSolver
from methods.unrolling import Unrolling
from tests.support.second_derivatives import differentiated_twice

load_builtins()
EVERY_LAYER = pytest.mark.parametrize("layer", LAYERS.names())
STEPS = 7


@EVERY_LAYER
@pytest.mark.parametrize("dtype", DTYPES.values(), ids=str)
@pytest.mark.parametrize("truncate", [0, 5])
@pytest.mark.parametrize("checkpoint", [1, 2, 3, 6, 7, 9])
def test_gradient_has_the_same_bits(
    checkpoint: int, truncate: int, dtype: torch.dtype, layer: str
) -> None:
    case = layer_case(layer, dtype).with_differentiable_observation()
    stored = Unrolling(STEPS, truncate)
    expected = differentiate(stored, case)
    found = differentiate(replace(stored, checkpoint=checkpoint), case)
    assert torch.equal(found.image, expected.image)
    for gradient, other in zip(found.gradients, expected.gradients, strict=True):
        assert torch.equal(gradient, other)


@EVERY_LAYER
@pytest.mark.parametrize("checkpoint", [1, 3])
def test_second_derivative_and_that_by_the_starting_point(checkpoint: int, layer: str) -> None:
    case = layer_case(layer).with_differentiable_observation()
    expected, found = (
        differentiated_twice(Unrolling(STEPS, checkpoint=k), case) for k in (0, checkpoint)
    )
    assert relative_error(found, expected) < 1e-12


def test_many_cotangents_at_once() -> None:
    case = layer_case("degrad")
    found = []
    for checkpoint in (0, 3):
        layer, start = case.condition()
        method = Unrolling(STEPS, checkpoint=checkpoint)
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
        rows = torch.stack([torch.ones_like(image), image.detach()])
        found.append(torch.autograd.grad(image, case.inputs, rows, is_grads_batched=True))
        assert layer.vjps == 2 * STEPS
    assert relative_error(found[1], found[0]) < 1e-12


@pytest.mark.parametrize(
    ("method", "evaluations"),
    [
        (Unrolling(20), 20),
        (Unrolling(20, checkpoint=5), 20 + 15),
        (Unrolling(20, checkpoint=1), 20 + 19),
        (Unrolling(20, checkpoint=6), 20 + 14),  # 2 + 6 + 6, and 6 that are stored
        (Unrolling(20, checkpoint=20), 20),
        (Unrolling(20, truncate=8, checkpoint=3), 20 + 5),
    ],
    ids=repr,
)
def test_all_but_the_last_segment_is_evaluated_again(method: Unrolling, evaluations: int) -> None:
    layer = differentiate(method, layer_case("degrad")).layer
    assert (layer.evaluations, layer.vjps) == (evaluations, method.truncate or 20)


def test_a_second_backward_pass_evaluates_as_often_as_the_first() -> None:
    case = layer_case("degrad")
    layer, start = case.condition()
    image = Unrolling(20, checkpoint=5).fixed_point(layer, start, ForwardSolver(case.tight))
    for evaluations in (35, 50):
        torch.autograd.grad(image.sum(), case.inputs, retain_graph=True)
        assert layer.evaluations == evaluations


@EVERY_LAYER
def test_peak_memory_grows_as_the_root_of_the_steps(layer: str) -> None:
    """With K = √steps: K applications of T and steps / K images; 4, 16 and 64 steps."""
    case = layer_case(layer)
    unit = application_bytes(case)
    kept, peaks = zip(
        *(step_bytes(Unrolling(k * k, checkpoint=k), case) for k in (2, 4, 8)), strict=True
    )
    images = [(k - 1) * case.clean.nbytes for k in (2, 4, 8)]
    assert kept == tuple(k * unit + i for k, i in zip((2, 4, 8), images, strict=True))
    assert (peaks[2] - peaks[1]) / (peaks[1] - peaks[0]) == pytest.approx(2, rel=0.1)
    assert peaks[2] < step_bytes(Unrolling(64), case)[1] / 5
