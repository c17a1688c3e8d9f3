"""Small linear operators of every kind, in float64, and their dense matrices."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from problems.base import BOUNDARIES, LinearProblem
from problems.gaussian import GaussianBlur
from problems.inpainting import Inpainting
from problems.motion import MotionBlur
from problems.super_resolution import SuperResolution

SIZE = 16
# By name; the last filter is larger than an image: deepinv's formula is not exact for it.
SMALL: dict[str, LinearProblem] = {
    **{name: MotionBlur(size=SIZE, kernel_size=5, boundary=name) for name in BOUNDARIES},
    "gaussian valid": GaussianBlur(size=SIZE, kernel_size=3, boundary="valid"),
    "inpainting": Inpainting(size=SIZE),
    "bicubic": SuperResolution(size=SIZE),
    "bilinear by 4": SuperResolution(size=SIZE, factor=4, antialiasing="bilinear"),
    "gaussian by 4": SuperResolution(size=SIZE, factor=4, antialiasing="gaussian"),
}


def operator(name: str) -> Any:
    """The operator in float64."""
    return SMALL[name].physics(dtype=torch.float64)


def images(seed: int, count: int = 2, size: int = SIZE) -> Tensor:
    """(count, 1, size, size) normal numbers in float64."""
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(count, 1, size, size, generator=generator, dtype=torch.float64)


def dense(physics: Any, size: int = SIZE) -> Tensor:
    """A as a matrix (entries of y, pixels), one column for each pixel."""
    basis = torch.eye(size**2, dtype=torch.float64).view(size**2, 1, size, size)
    matrix: Tensor = physics.A(basis).flatten(1).T
    return matrix


class Plain:
    """An operator of a stranger: two functions and no more; A is a matrix that it keeps."""

    def __init__(self, matrix: Tensor, adjoint_scale: float = 1.0) -> None:
        self._matrix, self._scale = matrix, adjoint_scale

    def A(self, x: Tensor) -> Tensor:
        return x.flatten(1) @ self._matrix.T.to(x)

    def A_adjoint(self, y: Tensor) -> Tensor:
        side = round(self._matrix.shape[1] ** 0.5)
        return self._scale * (y @ self._matrix.to(y)).view(-1, 1, side, side)
