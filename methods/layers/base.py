"""What a layer is: a formula for T, made of the data term and a learned denoiser."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from bench.config.parameters import parameter

if TYPE_CHECKING:
    from torch import Tensor as Tensor

    from methods.layers.data_term import DataTerm as DataTerm
else:  # layers import these for annotations, without PyTorch
    DataTerm = Tensor = Any


@dataclass(frozen=True)
class Layer(ABC):
    """The parameters that every layer has.

    The learned part is R_θ(z) = λ (z - D_θ(z)), with D_θ(z) = z₀ + ρ (N_θ(z) - z₀), N_θ a
    non-expansive network and z₀ the starting point; so D_θ is ρ-Lipschitz by construction.

    lipschitz: ρ; strength: the initial λ (learned); threshold: the initial size below which details
    are removed (learned); blocks, filter_size (pixels, odd), group (filters that share a
    threshold), guide_features: the size of N_θ; start_regularisation: δ in
    z₀ = (AᵀA + δI)⁻¹ Aᵀy.
    """

    lipschitz: float = parameter(0.99, above=0, below=1)
    strength: float = parameter(1.0, above=0)
    threshold: float = parameter(0.003, above=0)
    blocks: int = parameter(2, at_least=1)
    filter_size: int = parameter(3, at_least=3, odd=True)
    group: int = parameter(4, at_least=1)
    guide_features: int = parameter(16, at_least=1)
    start_regularisation: float = parameter(0.01, above=0)

    def validate(self) -> None:
        """Raise ValueError unless the filters can be divided into groups."""
        if (self.filter_size**2 - 1) % self.group:
            raise ValueError(f"group={self.group}: must divide filter_size² - 1")

    @abstractmethod
    def apply(self, z: Tensor, denoised: Tensor, data: DataTerm, strength: Tensor) -> Tensor:
        """T(z) from z, D_θ(z) (N, C, H, W) and λ (a positive scalar)."""

    @abstractmethod
    def contraction_bound(self, data: DataTerm, strength: Tensor) -> Tensor:
        """An upper bound of the Lipschitz constant of T, from ρ, λ and |AᵀA| = data.square_norm."""
