"""What a solver of z = f(z) does in one iteration of the loop that all of them share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

import torch
from torch import Tensor


class Proposal(ABC):
    """Measures each evaluation of f, then proposes the next iterate from what it has seen.

    After `measure`, z, value and difference are z, f(z) and f(z) - z of the last evaluation, all
    (N, ...), unless a solver overrides it.
    """

    z: Tensor
    value: Tensor
    difference: Tensor

    def measure(self, z: Tensor, value: Tensor, relative: bool) -> list[float]:
        """|f(z) - z| of each sample; relative: to |f(z)|, and 0 where both are zero."""
        self.z, self.value, self.difference = z, value, value - z
        return _sizes(self.difference, value, relative)

    @abstractmethod
    def next(self, active: Sequence[bool]) -> Tensor:
        """The next iterate (N, ...); active: the samples that have not ended.

        What is proposed for a sample that has ended has no effect on its result.
        """


class Picard(Proposal):
    """Proposes f(z)."""

    def next(self, active: Sequence[bool]) -> Tensor:
        """The last value."""
        return self.value


def relative_residuals(z: Tensor, value: Tensor) -> tuple[float, ...]:
    """|value - z| / |value| for each sample of (N, ...); 0 where both are zero."""
    return tuple(_sizes(value - z, value, relative=True))


def _sizes(difference: Tensor, value: Tensor, relative: bool) -> list[float]:
    step = torch.linalg.vector_norm(difference.flatten(1), dim=1)
    if relative:
        size = torch.linalg.vector_norm(value.flatten(1), dim=1)
        step = step / size.clamp_min_(torch.finfo(size.dtype).tiny)
    sizes: list[float] = step.tolist()
    return sizes
