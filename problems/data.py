"""The clean and observed images of one run, as tensors."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from problems.base import LinearProblem
from problems.images.base import ImageSource, Part
from problems.seeds import derive_seed

if TYPE_CHECKING:
    import torch
    from torch import Tensor


@dataclass(frozen=True)
class Pairs:
    """Clean images x (N, C, H, W) and observations y = A x + n (N, ...), in float32."""

    clean: Tensor
    observed: Tensor


def make_pairs(
    problem: LinearProblem,
    physics: Any,
    images: ImageSource,
    part: Part,
    count: int,
    seed: int,
    device: torch.device | str = "cpu",
) -> Pairs:
    """`count` pairs of one part of the images.

    The crops for validation and test are the same for every seed, the noise is not. `problem` is
    the one of this seed, as is `physics` (see `problems.base.problem_of_seed`).
    """
    import torch

    crop_seed = derive_seed(seed if part == "train" else 0, f"{part}_crops")
    crops = images.crops(part, count, problem.size, problem.channels, crop_seed)
    clean = torch.from_numpy(crops).to(device)
    return Pairs(clean, problem.observe(physics, clean, seed, f"{part}_noise"))
