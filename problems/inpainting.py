"""Inpainting: pixels are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.parameters import parameter
from bench.registry import register_problem
from problems.base import LinearProblem, Tensor
from problems.seeds import derive_seed

if TYPE_CHECKING:
    import torch


@register_problem("inpainting")
@dataclass(frozen=True)
class Inpainting(LinearProblem):
    """Inpainting: each pixel, with all its colours, is kept with probability `kept`.

    A multiplies by a mask of zeros and ones, the same for every image, drawn from `mask_seed`. The
    observation is zero where a pixel is missing: it has no noise there. deepinv's `Inpainting`.
    """

    noise_sigma: float = parameter(0.01, at_least=0, at_most=1)
    kept: float = parameter(0.5, above=0, at_most=1)
    mask_seed: int = parameter(0, at_least=0)

    def mask(self) -> Tensor:
        """The mask (1, channels, size, size) of zeros and ones, float32."""
        import torch

        generator = torch.Generator().manual_seed(derive_seed(self.mask_seed, "mask"))
        mask = torch.rand(1, 1, self.size, self.size, generator=generator) < self.kept
        return mask.expand(1, self.channels, -1, -1).float()

    def physics(self, device: torch.device | str = "cpu", dtype: Any = None) -> Any:
        """A as deepinv's `Inpainting`; its singular values are the mask."""
        from deepinv.physics import Inpainting as Masking

        shape = self.channels, self.size, self.size
        return Masking(shape, mask=self.mask().to(dtype), device=device)

    def observe(self, physics: Any, clean: Tensor, seed: int, purpose: str) -> Tensor:
        """y = A (x + n): noise where a pixel is kept, zero where it is missing."""
        observed: Tensor = physics.A(super().observe(physics, clean, seed, purpose))
        return observed
