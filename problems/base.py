"""What a problem is: y = A x + n, with a linear operator A; and deblurring, where A is a blur."""

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

# Of deepinv's conjugate gradients, which its own algorithms (TV, PnP-ADMM) use for an operator
# without a formula; by default they stop at 1e-4 or after 50 steps.
ITERATIVE = {"max_iter": 200, "tol": 1e-6}
BOUNDARIES = ("circular", "valid", "reflect", "replicate", "constant")


@dataclass(frozen=True)
class LinearProblem(ABC):
    """The parameters that every problem has: y = A x + n, with a linear operator A.

    size: side of the square images (pixels); channels: 1 (grey) or 3 (colour); noise_sigma:
    standard deviation of the Gaussian noise, for images in [0, 1].
    """

    size: int = 32
    channels: int = parameter(1, one_of=(1, 3))
    noise_sigma: float = parameter(0.01, at_least=0, at_most=1)

    @abstractmethod
    def physics(self, device: torch.device | str = "cpu", dtype: Any = None) -> Any:
        """The operator A as a linear physics of deepinv, with its adjoint; the same at every call.

        A maps (N, channels, size, size) to y (N, ...), of any shape. dtype: torch.float32 (default)
        or torch.float64.
        """

    def physics_at(self, height: int, width: int, device: torch.device | str = "cpu") -> Any:
        """The operator for images (N, channels, height, width); None if there is none.

        By default it is that of the problem with another size, for square images only.
        """
        return replace(self, size=height).physics(device) if height == width else None

    def for_seed(self, seed: int) -> Self:
        """The problem of the run of a seed; by default every run has the same."""
        return self

    def observe(self, physics: Any, clean: Tensor, seed: int, purpose: str) -> Tensor:
        """y = A x + n for x (N, C, H, W); the noise depends on `seed` and `purpose` alone.

        The noise is drawn on the CPU, so that it is the same on every device.
        """
        import torch

        generator = torch.Generator().manual_seed(derive_seed(seed, purpose))
        measured: Tensor = physics.A(clean)
        noise = torch.randn(measured.shape, generator=generator).to(clean)
        return measured + self.noise_sigma * noise

    def as_image(self, physics: Any, observed: Tensor) -> Tensor:
        """y as an image (N, C, H, W): the input of feed-forward networks, "observed" in reports.

        It is y itself if it has the shape of x, else (AᵀA + δI)⁻¹ Aᵀy with δ = 0.01 |AᵀA|.
        """
        own_shape = (self.channels, self.size, self.size)
        if observed.shape[1:] == own_shape or observed.shape == physics.A_adjoint(observed).shape:
            return observed
        from problems.operators.inverse import regularised_inverse

        return regularised_inverse(physics, observed)


@dataclass(frozen=True)
class DeblurringProblem(LinearProblem):
    """The parameters that every deblurring problem has; A is a blur of unit gain.

    kernel_size: side of the blur kernel (pixels, odd); kernel_seed: of a random kernel; kernels:
    how many kernels the problem has, of which the run of seed s uses number s mod kernels, whatever
    the method; boundary: what the blur sees beyond the image: "circular" (its other side),
    "reflect", "replicate" (its border), "constant" (zero), or "valid": y has only the pixels for
    which nothing beyond it is needed, size - kernel_size + 1 on each side. PSNR counts all of x,
    its border too, of which such a y shows little: choose a size well above kernel_size.
    """

    kernel_size: int = parameter(15, at_least=1, odd=True)
    kernel_seed: int = parameter(0, at_least=0)
    kernels: int = parameter(1, at_least=1)
    boundary: str = parameter("circular", one_of=BOUNDARIES)

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
        """A as deepinv's `BlurFFT` (circular, its SVD known, 0 <= AᵀA <= 1), or else its `Blur`.

        |AᵀA| exceeds 1 for "reflect" and "replicate": a border pixel is seen more than once.
        dtype: torch.float32 (default) or torch.float64; the kernel is converted before the
        operator is built, because `BlurFFT.to(float64)` would lose the phase. ValueError if the
        kernel of a seed is still to be chosen.
        """
        return self._blur(self.size, self.size, device, dtype)

    def physics_at(self, height: int, width: int, device: torch.device | str = "cpu") -> Any:
        """The same blur of images (N, channels, height, width)."""
        return self._blur(height, width, device)

    def _blur(self, height: int, width: int, device: torch.device | str, dtype: Any = None) -> Any:
        if self.kernels != 1:
            raise ValueError(f"the problem has {self.kernels} kernels: choose one with for_seed")
        from deepinv.physics import Blur, BlurFFT

        kernel = self.kernel() if dtype is None else self.kernel().to(dtype)
        if self.boundary == "circular":
            return BlurFFT((self.channels, height, width), filter=kernel, device=device)
        return Blur(kernel, padding=self.boundary, device=device, **ITERATIVE)


def problem_of_seed(problem: Any, seed: int) -> Any:
    """The problem of the run of a seed; a plug-in's without `for_seed` as it is."""
    for_seed = getattr(problem, "for_seed", None)
    return problem if for_seed is None else for_seed(seed)


def kernel_number(problem: Any, seed: int) -> float:
    """The number of the kernel that the run of a seed uses; NaN if it does not count any."""
    counts = hasattr(problem, "for_seed") and hasattr(problem, "kernels")
    return float(seed % problem.kernels) if counts else math.nan


def observed_image(problem: Any, physics: Any, observed: Tensor) -> Tensor:
    """y as an image, by the problem's `as_image`; a plug-in's without one as it is."""
    as_image = getattr(problem, "as_image", None)
    return observed if as_image is None else as_image(physics, observed)
