"""The contraction of a layer, measured."""

from __future__ import annotations

import torch
from torch import Tensor

from methods.networks.implicit_layer import FixedPointMap


def jacobian_norm(layer: FixedPointMap, z: Tensor, iterations: int = 30) -> float:
    """The largest operator norm |∂T/∂z| over the samples of z (N, C, H, W), from below.

    Power iteration on JᵀJ from a fixed random start: the true norm is at least the returned one.
    J v is the derivative of u -> Jᵀu along v, which needs no forward-mode differentiation.
    """
    with torch.enable_grad():
        point = z.detach().requires_grad_()
        value = layer(point)
        probe = torch.zeros_like(value, requires_grad=True)
        (pulled,) = torch.autograd.grad(value, point, probe, create_graph=True)
        generator = torch.Generator().manual_seed(0)
        v = _unit(torch.randn(z.shape, generator=generator).to(z))
        norm = 0.0
        for _ in range(iterations):
            (pushed,) = torch.autograd.grad(pulled, probe, v, retain_graph=True)
            norm = pushed.flatten(1).norm(dim=1).max().item()
            (v,) = torch.autograd.grad(value, point, pushed, retain_graph=True)
            v = _unit(v)
    return norm


def _unit(v: Tensor) -> Tensor:
    size = v.flatten(1).norm(dim=1).clamp_min(torch.finfo(v.dtype).tiny)
    unit: Tensor = v / size.view(-1, *[1] * (v.ndim - 1))
    return unit
