"""What a deblurring problem is: y = A x + n, with A a circular blur of unit gain."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self

from bench.config.parameters import parameter
from problems.seeds import derive_seed

if TYPE_CHECKING:
    import torch
    from torch import Tensor as Tensor
else:  # problems import it for annotations, without PyTorch
    Tensor = Any


@dataclass(frozen=True)
class DeblurringProblem(ABC):
    """The parameters that every deblurring problem has.

    size: side of the square images (pixels); channels: 1 (grey) or 3 (colour); noise_sigma:
    standard deviation of the Gaussian noise, for images in [0, 1]; kernel_size: side of the blur
    kernel (pixels, odd); kernel_seed: of a random kernel; kernels: how many kernels the problem
    has, of which the run of seed s uses number s mod kernels, whatever the method.
    """

    size: int = 32
    channels: int = parameter(1, one_of=(1, 3))
    noise_sigma: float = parameter(0.01, at_least=0, at_most=1)
    kernel_size: int = parameter(15, at_least=1, odd=True)
    kernel_seed: int = parameter(0, at_least=0)
    kernels: int = parameter(1, at_least=1)

    @abstractmethod
    def kernel(self) -> Tensor:
        """The blur kernel: (1, 1, kernel_size, kernel_size), nonnegative, sum 1, float32.

        It is that of a problem with one kernel; `for_seed` chooses one of several.
        """

    def for_seed(self, seed: int) -> Self:
        """The problem with one kernel alone, the one that the run of this seed uses."""
        if self.kernels == 1:
            return self
        return replace(self.with_kernel(seed % self.kernels), kernels=1)

    def with_kernel(self, number: int) -> Self:
        """The problem whose kernel is number 0 … kernels - 1 of this one's: another kernel_seed.

        To be overridden by a problem whose kernel does not depend on kernel_seed.
        """
        return replace(self, kernel_seed=self.kernel_seed + number)

    def physics(self, device: torch.device | str = "cpu", dtype: Any = None) -> Any:
        """The operator A as deepinv's `BlurFFT` (circular, its SVD known, 0 <= A^T A <= 1).

        dtype: torch.float32 (default) or torch.float64; the kernel is converted before the
        operator is built, because `BlurFFT.to(float64)` would lose the phase. ValueError if the
        kernel of a seed is still to be chosen.
        """
        if self.kernels != 1:
            raise ValueError(f"the problem has {self.kernels} kernels: choose one with for_seed")
        from deepinv.physics import BlurFFT

        kernel = self.kernel() if dtype is None else self.kernel().to(dtype)
        return BlurFFT((self.channels, self.size, self.size), filter=kernel, device=device)

    def observe(self, physics: Any, clean: Tensor, seed: int, purpose: str) -> Tensor:
        """y = A x + n for x (N, C, H, W); the noise depends on `seed` and `purpose` alone.

        The noise is drawn on the CPU, so that it is the same on every device.
        """
        import torch

        generator = torch.Generator().manual_seed(derive_seed(seed, purpose))
        noise = torch.randn(clean.shape, generator=generator).to(clean)
        observed: Tensor = physics.A(clean) + self.noise_sigma * noise
        return observed


def problem_of_seed(problem: Any, seed: int) -> Any:
    """The problem of the run of a seed; a plug-in's without `for_seed` as it is."""
    for_seed = getattr(problem, "for_seed", None)
    return problem if for_seed is None else for_seed(seed)


def kernel_number(problem: Any, seed: int) -> float:
    """The number of the kernel that the run of a seed uses; NaN if it does not count any."""
    counts = hasattr(problem, "for_seed") and hasattr(problem, "kernels")
    return float(seed % problem.kernels) if counts else math.nan
