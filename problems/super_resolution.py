"""Super-resolution: the image is smaller than the one that is sought."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.parameters import parameter
from bench.registry import register_problem
from problems.base import LinearProblem, Tensor

if TYPE_CHECKING:
    import torch


@register_problem("super_resolution")
@dataclass(frozen=True)
class SuperResolution(LinearProblem):
    """Super-resolution: y has `factor` times fewer pixels on each side than x.

    A blurs (circularly, with the filter named `antialiasing`) and keeps every factor-th row and
    column: deepinv's `Downsampling`, whose proximal map has a closed form. Source of that form:
    Zhao et al., "Fast Single Image Super-Resolution Using a New Analytical Solution for ℓ2-ℓ2
    Problems", IEEE TIP 2016.
    """

    factor: int = parameter(2, one_of=(2, 4))
    antialiasing: str = parameter("bicubic", one_of=("bicubic", "bilinear", "gaussian"))

    def validate(self) -> None:
        """Raise ValueError unless the size is a multiple of the factor."""
        if self.size % self.factor:
            raise ValueError(f"size={self.size}: must be a multiple of factor={self.factor}")

    def filter(self) -> Tensor:
        """The filter before the subsampling: (1, 1, h, w), sum 1, float32."""
        from deepinv.physics import functional

        names = {"bicubic": "bicubic_filter", "bilinear": "bilinear_filter"}
        if self.antialiasing == "gaussian":
            kernel: Tensor = functional.gaussian_blur(sigma=(self.factor, self.factor))
        else:
            kernel = getattr(functional, names[self.antialiasing])(self.factor)
        return kernel / kernel.sum()

    def physics(self, device: torch.device | str = "cpu", dtype: Any = None) -> Any:
        """A as deepinv's `Downsampling`; y is (N, channels, size / factor, size / factor)."""
        from deepinv.physics import Downsampling

        shape = self.channels, self.size, self.size
        kernel = self.filter().to(dtype)
        return Downsampling(shape, filter=kernel, factor=self.factor, device=device)
