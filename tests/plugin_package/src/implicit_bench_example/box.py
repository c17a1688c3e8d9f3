"""Box blur."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from bench import register_problem
from problems.base import DeblurringProblem

if TYPE_CHECKING:
    from torch import Tensor


@register_problem("box")
@dataclass(frozen=True)
class BoxBlur(DeblurringProblem):
    """Box blur: the mean over a square of kernel_size pixels."""

    kernel_size: int = 5

    def kernel(self) -> Tensor:
        """(1, 1, kernel_size, kernel_size), all alike, sum 1."""
        import torch

        return torch.full((1, 1, self.kernel_size, self.kernel_size), self.kernel_size**-2)
