"""Derivatives of the gradient of a method, for the tests of those that record their iterations."""

from __future__ import annotations

import torch

from bench.contracts.cases import Gradients, LayerCase
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver


def differentiated_twice(method: GradientMethod, case: LayerCase) -> Gradients:
    """Those of the squared norm of the gradient, by each input of the case and by z₀."""
    layer, start = case.condition()
    start.requires_grad_()
    inputs = (*case.inputs, start)
    image = method.fixed_point(layer, start, ForwardSolver(case.tight))
    once = torch.autograd.grad(case.loss(image), inputs, create_graph=True)
    return torch.autograd.grad(torch.stack([g.square().sum() for g in once]).sum(), inputs)
