"""A gradient whose solve is not recorded refuses to be differentiated again."""

from __future__ import annotations

import pytest
import torch

from bench.contracts.cases import layer_case
from bench.contracts.differentiation import differentiate
from bench.plugins import load_builtins
from bench.registry import METHODS
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver

load_builtins()
SOLVER = Solver("anderson", 1e-8, 300)


@pytest.mark.parametrize("name", ["ift", "neumann", "shine", "torchdeq_ift", "deepinv_ift"])
@pytest.mark.parametrize("by", ["grad", "backward"])
def test_second_derivatives_are_refused(name: str, by: str) -> None:
    """The gradient itself is the same with create_graph=True."""
    case = layer_case("degrad").with_differentiable_observation()
    layer, start = case.condition()
    image = METHODS.get(name)().fixed_point(layer, start, ForwardSolver(SOLVER))
    gradients = torch.autograd.grad(case.loss(image), case.inputs, create_graph=True)
    usual = differentiate(METHODS.get(name)(), case, SOLVER).gradients
    for gradient, expected in zip(gradients, usual, strict=True):
        assert torch.allclose(gradient, expected, rtol=1e-12)
    size = torch.stack([gradient.square().sum() for gradient in gradients]).sum()
    ways = {"backward": size.backward, "grad": lambda: torch.autograd.grad(size, case.inputs[:1])}
    with pytest.raises(RuntimeError, match="second derivative through a fixed point"):
        ways[by]()
