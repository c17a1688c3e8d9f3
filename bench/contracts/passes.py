"""The passes through a map, forward and derivative, counted below Python."""

from __future__ import annotations

import math
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

TURNS = 1_000_003  # times that a marked tensor is rolled around; nobody else does that


def marked(value: Tensor) -> Tensor:
    """The identity, as an operator that `Passes` sees in every pass and derivative.

    A roll by a multiple of the width moves nothing; so does its derivative of any kind, which is
    the roll by the opposite number.
    """
    return torch.roll(value, TURNS * value.shape[-1], -1)


class Passes(TorchDispatchMode):
    """Counts the marked batches that are computed while it is active, by their elements.

    batch: the number of elements of one batch. What PyTorch computes for many vectors at once
    counts as many, because the operator sees all of their elements.
    """

    def __init__(self, batch: int) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self._batch = batch
        self.count = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator and count it if it is the marker."""
        result = func(*args, **(kwargs or {}))
        if func is torch.ops.aten.roll.default and _is_marker(args):
            elements = sum(leaf.numel() for leaf in tree_leaves(result))
            self.count += math.ceil(elements / self._batch)
        return result


def _is_marker(args: tuple[Any, ...]) -> bool:
    _, shifts, *_ = args
    return len(shifts) == 1 and shifts[0] != 0 and shifts[0] % TURNS == 0
