"""Small layers in float64 on which a gradient can be compared with dense linear algebra."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from torch import Tensor, nn

from bench.registry import LAYERS, load_builtins
from methods.layers.base import Layer
from methods.networks.implicit_layer import FixedPointMap, ImplicitLayer
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from problems.motion import MotionBlur

load_builtins()

Gradients = tuple[Tensor, ...]
COUNT, SIZE = 2, 16
TIGHT = Solver("anderson", tolerance=1e-13, max_iterations=1000, memory=8)
LOOSE = Solver("fixed_point", tolerance=1e-12, max_iterations=5)


class FormulaModule(nn.Module):
    """z -> T(z; y, θ) as a module, which `torch.func.functional_call` can give other weights."""

    def __init__(self, layer: ImplicitLayer, observed: Tensor) -> None:
        super().__init__()
        self.layer, self.observed = layer, observed

    def forward(self, z: Tensor) -> Tensor:
        value: Tensor = self.layer.condition(self.observed)[0](z)
        return value


@dataclass(frozen=True)
class LayerCase:
    """A layer with weights far from their start, so that J is neither small nor symmetric."""

    name: str
    layer: ImplicitLayer
    observed: Tensor
    clean: Tensor

    @property
    def weights(self) -> tuple[nn.Parameter, ...]:
        return tuple(self.layer.parameters())

    def condition(self) -> tuple[FixedPointMap, Tensor]:
        """The map with its weights bound anew, and the starting point, without a graph."""
        layer, start = self.layer.condition(self.observed)
        return layer, start.detach()

    def loss(self, z: Tensor) -> Tensor:
        """ℓ(z) = ½ |z - x|²."""
        return 0.5 * (z - self.clean).square().sum()

    def cotangent(self, z: Tensor) -> Tensor:
        """∂ℓ/∂z by hand, flat."""
        return (z - self.clean).flatten()

    def fixed_point(self, solver: Solver = TIGHT) -> Tensor:
        layer, start = self.condition()
        return ForwardSolver(solver)(layer, start)


@dataclass(frozen=True)
class Linearisation:
    """T near z: J = ∂T/∂z (n, n) and ∂T/∂θ, an (n, ...) tensor for each weight, all dense."""

    jacobian: Tensor
    by_weight: Gradients

    def pulled_back(self, w: Tensor) -> Gradients:
        """wᵀ ∂T/∂θ for w (n,)."""
        return tuple(torch.tensordot(w, block, 1) for block in self.by_weight)


def linearise(case: LayerCase, z: Tensor) -> Linearisation:
    """Dense derivatives of T at z."""
    module = FormulaModule(case.layer, case.observed)
    weights = dict(module.named_parameters())

    def of_weights(*values: Tensor) -> Tensor:
        value: Tensor = torch.func.functional_call(
            module, dict(zip(weights, values, strict=True)), z
        )
        return value.flatten()

    dense: Callable[..., object] = torch.autograd.functional.jacobian
    jacobian = dense(lambda z: module(z).flatten(), z, vectorize=True)
    by_weight = dense(of_weights, tuple(w.detach() for w in weights.values()), vectorize=True)
    assert isinstance(jacobian, Tensor)
    assert isinstance(by_weight, tuple)
    return Linearisation(jacobian.reshape(z.numel(), z.numel()), by_weight)


@cache
def layer_case(name: str, channels: int = 1) -> LayerCase:
    """The case of one registered layer; two blocks, because J is symmetric with one."""
    problem = MotionBlur(size=SIZE, kernel_size=5, channels=channels)
    physics = problem.physics(dtype=torch.float64)
    formula: Layer = LAYERS.get(name)(
        blocks=2, guide_features=2, threshold=0.03, strength=4.0, lipschitz=0.95
    )
    generator = torch.Generator().manual_seed(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = ImplicitLayer(formula, physics, channels).double()
    perturb(layer, generator)
    shape = COUNT, channels, SIZE, SIZE
    clean = torch.rand(shape, generator=generator, dtype=torch.float64)
    noise = torch.randn(shape, generator=generator, dtype=torch.float64)
    return LayerCase(name, layer, physics.A(clean) + 0.01 * noise, clean)


@cache
def linearised(name: str) -> tuple[Tensor, Linearisation]:
    """z* of a case and the dense derivatives there; they serve many checks."""
    case = layer_case(name)
    z_star = case.fixed_point()
    return z_star, linearise(case, z_star)


def perturb(module: nn.Module, generator: torch.Generator, scale: float = 0.5) -> None:
    """Move every weight by normal noise."""
    with torch.no_grad():
        for weight in module.parameters():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.add_(scale * noise.to(weight))
