"""Gaussian blur."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from bench.config.parameters import parameter
from bench.registry import register_problem
from problems.base import DeblurringProblem, Tensor


@register_problem("gaussian")
@dataclass(frozen=True)
class GaussianBlur(DeblurringProblem):
    """Gaussian blur of standard deviation `blur_sigma` pixels, the same in all directions.

    k(u) ∝ exp(-|u|² / (2 blur_sigma²)), cut off at kernel_size, by deepinv's `gaussian_blur`.
    Of several kernels, number k has standard deviation blur_sigma · 2^(k / (kernels - 1) - ½), from
    blur_sigma / √2 to blur_sigma · √2. `kernel_seed` is not used.
    """

    # Far outside this range the kernel would be 0/0.
    blur_sigma: float = parameter(1.6, at_least=0.1, at_most=100)

    def kernel(self) -> Tensor:
        """The blur kernel: (1, 1, kernel_size, kernel_size), nonnegative, sum 1, float32."""
        from deepinv.physics.functional import gaussian_blur

        side, spread = self.kernel_size, self.blur_sigma
        kernel: Tensor = gaussian_blur(psf_size=(side, side), sigma=(spread, spread))
        return kernel / kernel.sum()

    def with_kernel(self, number: int) -> Self:
        """The problem with the standard deviation of kernel `number`."""
        if self.kernels == 1:
            return self
        exponent = number / (self.kernels - 1) - 0.5
        return replace(self, blur_sigma=self.blur_sigma * 2**exponent)
