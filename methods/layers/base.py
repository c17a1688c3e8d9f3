"""What a layer is: a formula for T from the data term and a learned denoiser."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from methods.layers.data_term import DataTerm


@dataclass(frozen=True)
class Layer(ABC):
    """The parameters that every layer has.

    The learned part is R_θ(z) = λ (z - D_θ(z)), with D_θ(z) = z₀ + ρ (N_θ(z) - z₀), N_θ a
    non-expansive network and z₀ the starting point; so D_θ is ρ-Lipschitz by construction.

    lipschitz: ρ; strength: λ at the start (learned); threshold: below which details are removed, at
    the start (learned); blocks, filter_size (pixels, odd), group (filters that share a threshold),
    guide_features: the size of N_θ; start_regularisation: δ of z₀ = (AᵀA + δI)⁻¹ Aᵀy.
    """

    lipschitz: float = 0.99
    strength: float = 1.0
    threshold: float = 0.003
    blocks: int = 2
    filter_size: int = 3
    group: int = 4
    guide_features: int = 16
    start_regularisation: float = 0.01

    def validate(self) -> None:
        """Raise ValueError, naming the parameter, for a value out of range."""
        if not 0 < self.lipschitz < 1:
            raise ValueError(f"lipschitz={self.lipschitz}: must be between 0 and 1")
        for name in ("strength", "threshold", "start_regularisation"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name}={getattr(self, name)}: must be greater than 0")
        for name in ("blocks", "group", "guide_features"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name}={getattr(self, name)}: must be at least 1")
        if self.filter_size < 3 or self.filter_size % 2 == 0:
            raise ValueError(f"filter_size={self.filter_size}: must be odd and at least 3")
        if (self.filter_size**2 - 1) % self.group:
            raise ValueError(f"group={self.group}: must divide filter_size² - 1")

    @abstractmethod
    def apply(self, z: Tensor, denoised: Tensor, data: DataTerm, strength: Tensor) -> Tensor:
        """T(z) from z, D_θ(z) (N, C, H, W) and λ (a positive scalar)."""

    @abstractmethod
    def contraction_bound(self, data: DataTerm, strength: Tensor) -> Tensor:
        """A factor by which T contracts at least, from ρ, λ and |AᵀA| <= data.square_norm."""
