"""The regularisation of the libraries' Anderson acceleration."""

from __future__ import annotations

import torch

SMALLEST = 1e-16
# Times the square of the precision: below it, the Gram matrix of residuals that are nothing but
# rounding was singular in single precision, and the libraries' solve raised an error.
ROUNDING = 100


def anderson_regularisation(dtype: torch.dtype) -> float:
    """What is added to squared residuals, in place of a default that is larger than these.

    The defaults of torchdeq (1e-4) and deepinv (0.1, backward 1e-4) are larger than the squared
    residuals of a forward solve to 1e-4, and undo the acceleration: docs/library-entries.md has the
    figures.
    """
    return max(SMALLEST, ROUNDING * torch.finfo(dtype).eps ** 2)
