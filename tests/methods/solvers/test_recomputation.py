"""What is computed again has to be what was computed first, or is refused."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from bench.contracts.cases import layer_case
from bench.plugins import load_builtins
from bench.registry import METHODS
from methods.base import GradientMethod
from methods.networks.implicit_layer import FixedPointMap
from methods.reversible import ReversibleIteration
from methods.solvers.forward import ForwardSolver
from methods.solvers.recomputation import Recomputation
from methods.unrolling import Unrolling

load_builtins()
RECOMPUTING = pytest.mark.parametrize(
    "method", [Unrolling(6, checkpoint=2), ReversibleIteration(6)], ids=["unrolling", "reversible"]
)


def image_of(method: GradientMethod, function: Callable[[Tensor], Tensor], z0: Tensor) -> Tensor:
    layer = FixedPointMap(function, torch.tensor(1.0))
    return method.fixed_point(layer, z0, ForwardSolver(layer_case("degrad").tight))


def start() -> Tensor:
    return torch.linspace(0, 1, 8, dtype=torch.float64).view(1, 1, 2, 4)


@RECOMPUTING
def test_a_map_that_draws_is_refused(method: GradientMethod) -> None:
    weight = torch.ones((), dtype=torch.float64, requires_grad=True)

    def drawn(z: Tensor) -> Tensor:
        return weight * torch.nn.functional.dropout(z)

    with pytest.raises(RuntimeError, match="draws random numbers"):
        image_of(method, drawn, start())
    with torch.no_grad():
        image_of(method, drawn, start())


@RECOMPUTING
def test_draws_between_the_passes_are_not_touched(method: GradientMethod) -> None:
    weight = torch.full((), 0.5, dtype=torch.float64, requires_grad=True)
    image = image_of(method, lambda z: (weight * z).sin(), start())
    torch.manual_seed(3)
    torch.autograd.grad(image.sum(), weight)
    found = torch.rand(4)
    torch.manual_seed(3)
    assert torch.equal(found, torch.rand(4))


@RECOMPUTING
@pytest.mark.parametrize("changed", ["weight", "bound"])
def test_what_was_changed_in_place_is_refused(method: GradientMethod, changed: str) -> None:
    tensors = {"weight": torch.full((), 0.5, dtype=torch.float64, requires_grad=True)}
    tensors["bound"] = tensors["weight"].exp() / 4
    image = image_of(method, lambda z: tensors["bound"] * tensors["weight"] * z, start())
    with torch.no_grad():
        tensors[changed].add_(1)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        torch.autograd.grad(image.sum(), tensors["weight"])


def test_a_starting_point_that_was_changed_in_place_is_refused() -> None:
    weight, z0 = torch.full((), 0.5, dtype=torch.float64, requires_grad=True), start()
    image = image_of(Unrolling(6, checkpoint=2), lambda z: weight * z, z0)
    z0.add_(1)
    with pytest.raises(RuntimeError, match="changed in place before the backward pass"):
        torch.autograd.grad(image.sum(), weight)


def test_a_map_that_is_no_fixed_function_is_refused() -> None:
    weight = torch.full((), 0.5, dtype=torch.float64, requires_grad=True)
    calls = iter(range(100))

    def changing(z: Tensor) -> Tensor:
        return weight * (z.sin() if next(calls) < 6 else z)

    image = image_of(Unrolling(6, checkpoint=2), changing, start())
    with pytest.raises(RuntimeError, match="no fixed function"):
        torch.autograd.grad(image.sum(), weight)


@pytest.mark.parametrize("name", ["reversible", "unrolling"])
def test_torch_func_is_refused_in_one_line(name: str) -> None:
    case = layer_case("degrad")
    layer, z0 = case.condition()
    options = {"checkpoint": 2} if name == "unrolling" else {}
    method: GradientMethod = METHODS.get(name)(**options)

    def loss(z: Tensor) -> Tensor:
        return case.loss(method.fixed_point(layer, z, ForwardSolver(case.tight)))

    with pytest.raises(RuntimeError, match=r"^recomputation is not available inside torch.func$"):
        torch.func.grad(loss)(z0)


def test_one_piece_at_a_time_has_its_tensors() -> None:
    """In whatever order they are differentiated, each is right and computed when needed."""
    recomputation, computed = Recomputation(), list[int]()
    x = torch.tensor(2.0, requires_grad=True)

    def piece(k: int) -> Tensor:
        computed.append(k)
        return x**k

    values = [recomputation.record(lambda k=k: piece(k), lambda k=k: piece(k)) for k in (2, 3, 4)]
    computed.clear()
    for k in (3, 2, 2, 4, 3):
        (slope,) = torch.autograd.grad(values[k - 2], x, retain_graph=True)
        assert float(slope) == k * 2.0 ** (k - 1)
    assert computed == [3, 2, 4, 3]
