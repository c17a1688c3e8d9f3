"""How many vectors a tensor holds that PyTorch computes with as one."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.autograd import forward_ad

_functorch = torch._C._functorch


def width(tensor: Tensor, rows: int | None = None) -> int:
    """The number of batches of `rows` samples in a tensor (N, ...), which vmap may have hidden.

    torch.func.vmap, and is_grads_batched=True of torch.autograd.grad, put many vectors into one
    tensor whose shape does not show it. rows=None: all samples are one batch, however many.
    """
    found = 1 if rows is None or tensor.ndim == 0 else len(tensor)
    while _functorch.is_batchedtensor(tensor) or _functorch.is_gradtrackingtensor(tensor):
        inner = _functorch.get_unwrapped(tensor)
        if _functorch.is_batchedtensor(tensor):
            found *= inner.shape[_functorch.maybe_get_bdim(tensor)]
        tensor = inner
    if _functorch.is_legacy_batchedtensor(tensor):  # of is_grads_batched=True
        found *= torch._remove_batch_dim(tensor, 1, 1, 0).shape[0]
    return found if rows is None else max(1, math.ceil(found / rows))


def is_transformed(tensor: Tensor) -> bool:
    """Whether torch.func, is_grads_batched=True or forward-mode differentiation goes through it."""
    return (
        _functorch.is_functorch_wrapped_tensor(tensor)
        or _functorch.is_legacy_batchedtensor(tensor)
        or tangent_of(tensor) is not None
    )


def tangent_of(z: Tensor) -> Tensor | None:
    """The direction in which forward-mode differentiation goes through z; None without one."""
    if forward_ad._current_level < 0:
        return None
    tangent: Tensor | None = forward_ad.unpack_dual(z).tangent
    return tangent
