"""What a deblurring problem is: y = A x + n, with A a circular blur of unit gain."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

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
    kernel (pixels, odd); kernel_seed: of a random kernel. The kernel is part of the problem, the
    same for every seed of a run.
    """

    size: int = 32
    channels: int = parameter(1, one_of=(1, 3))
    noise_sigma: float = parameter(0.01, at_least=0, at_most=1)
    kernel_size: int = parameter(15, at_least=1, odd=True)
    kernel_seed: int = parameter(0, at_least=0)

    @abstractmethod
    def kernel(self) -> Tensor:
        """The blur kernel: (1, 1, kernel_size, kernel_size), nonnegative, sum 1, float32."""

    def physics(self, device: torch.device | str = "cpu", dtype: Any = None) -> Any:
        """The operator A as deepinv's `BlurFFT` (circular, its SVD known, 0 <= A^T A <= 1).

        dtype: torch.float32 (default) or torch.float64; the kernel is converted before the
        operator is built, because `BlurFFT.to(float64)` would lose the phase.
        """
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
