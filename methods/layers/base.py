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

    The learned part is R_θ(z) = λ (z - D_θ(z)), with D_θ(z) = z₀ + ρ (N_θ(z) - z₀), N_θ the
    network and z₀ the starting point. With a non-expansive network D_θ is ρ-Lipschitz by
    construction; ρ = 1 takes the network as it is, and then nothing bounds the contraction.

    lipschitz: ρ; strength: the initial λ (learned); start_regularisation: δ in
    z₀ = (AᵀA + δI)⁻¹ Aᵀy.
    """

    lipschitz: float = parameter(0.99, above=0, at_most=1)
    strength: float = parameter(1.0, above=0)
    start_regularisation: float = parameter(0.01, above=0)

    @abstractmethod
    def apply(self, z: Tensor, denoised: Tensor, data: DataTerm, strength: Tensor) -> Tensor:
        """T(z) from z, D_θ(z) (N, C, H, W) and λ (a positive scalar)."""

    @abstractmethod
    def contraction_bound(self, data: DataTerm, strength: Tensor) -> Tensor:
        """An upper bound of the Lipschitz constant of T, from ρ, λ and |AᵀA| = data.square_norm.

        Asked for with a non-expansive network only.
        """
