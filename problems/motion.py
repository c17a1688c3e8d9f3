"""Motion blur along random camera paths."""

from __future__ import annotations

from dataclasses import dataclass

from bench.config.parameters import parameter
from bench.registry import register_problem
from problems.base import DeblurringProblem, Tensor
from problems.seeds import derive_seed


@register_problem("motion")
@dataclass(frozen=True)
class MotionBlur(DeblurringProblem):
    """Motion blur along a random camera path, the same path for every image.

    The path is a Gaussian process of length scale `smoothness` and standard deviation `extent`: at
    0.25, deepinv's default, a 15-pixel kernel has an RMS radius of about 2 pixels. Of several
    kernels, number k has the path of kernel_seed + k. Source: deepinv's `MotionBlurGenerator`,
    after Schuler et al., "Learning to deblur", TPAMI 2016.
    """

    smoothness: float = parameter(0.3, above=0)
    # From 3 on the whole path can miss the kernel, which would be 0/0.
    extent: float = parameter(0.25, above=0, at_most=1)

    def kernel(self) -> Tensor:
        """The blur kernel: (1, 1, kernel_size, kernel_size), nonnegative, sum 1, float32."""
        import torch
        from deepinv.physics.generator import MotionBlurGenerator

        # Without a generator of its own deepinv's would ignore torch.manual_seed.
        generator = MotionBlurGenerator(
            (self.kernel_size, self.kernel_size),
            rng=torch.Generator(),
            l=self.smoothness,
            sigma=self.extent,
        )
        seed = derive_seed(self.kernel_seed, "kernel")
        kernel: Tensor = generator.step(1, seed=seed)["filter"]
        return kernel / kernel.sum()
