"""Products with a history of vectors, for each sample of a batch on its own.

The vector is a row in all of them: PyTorch's batched product of a matrix and a column is five to
thirty times slower on a CPU.
"""

from __future__ import annotations

import torch
from torch import Tensor


def overlaps(history: Tensor, vector: Tensor) -> Tensor:
    """The inner product of `vector` (N, n) with each row of `history` (N, m, n): (N, 1, m)."""
    return torch.bmm(vector.unsqueeze(1), history.transpose(1, 2))


def combination(weights: Tensor, history: Tensor) -> Tensor:
    """The sum of the rows of `history` (N, m, n) with `weights` (N, 1, m): (N, n)."""
    return torch.bmm(weights, history).squeeze(1)


def add_combination(vector: Tensor, weights: Tensor, history: Tensor) -> Tensor:
    """`vector` (N, n) plus the combination, (N, n)."""
    return torch.baddbmm(vector.unsqueeze(1), weights, history).squeeze(1)
