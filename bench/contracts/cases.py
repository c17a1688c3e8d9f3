"""Small problems on which a gradient can be compared with dense linear algebra."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

import torch
from torch import Tensor, nn

from bench.registry import LAYERS
from methods.layers.base import Layer
from methods.networks.convex_potential import ConvexPotential
from methods.networks.implicit_layer import FixedPointMap, ImplicitLayer
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from problems.motion import MotionBlur

Gradients = tuple[Tensor, ...]
Bound = tuple[FixedPointMap, Tensor]
CHANNELS, SIZE = 3, 10
# Of each image of a batch, so that they end at different iterations of a solve.
CONTRASTS = 1.0, 0.3, 0.1
DTYPES: dict[str, torch.dtype] = {"float64": torch.float64, "float32": torch.float32}
TIGHT = Solver("anderson", tolerance=1e-13, max_iterations=1000, memory=8)
TIGHT_SINGLE = replace(TIGHT, tolerance=1e-6)


class Case(ABC):
    """A map T(.; θ), a loss, and the tensors θ by which the loss is differentiated."""

    @property
    @abstractmethod
    def inputs(self) -> Gradients:
        """The tensors θ, all leaves that require gradients."""

    @abstractmethod
    def condition(self) -> Bound:
        """The map with θ bound anew, and the starting point, without a graph."""

    @abstractmethod
    def cotangent(self, z: Tensor) -> Tensor:
        """∂ℓ/∂z, in closed form, shaped as z, for ℓ(z) = ½ |z - target|²."""

    @property
    def dtype(self) -> torch.dtype:
        """Of z and θ."""
        return self.inputs[0].dtype

    @property
    def tight(self) -> Solver:
        """A forward solver that goes to about the precision of the numbers."""
        return TIGHT if self.dtype == torch.float64 else TIGHT_SINGLE

    def loss(self, z: Tensor) -> Tensor:
        """ℓ(z) = ½ |z - target|²; its derivative is the cotangent."""
        return 0.5 * self.cotangent(z).square().sum()

    def fixed_point(self) -> Tensor:
        """z* of the shared forward solver, without a graph."""
        return ForwardSolver(self.tight)(*self.condition())


@dataclass(frozen=True)
class LayerCase(Case):
    """A layer with weights far from their initial values, so that J is not small or symmetric.

    θ are the weights, and y where `observed` requires gradients.
    """

    name: str
    layer: ImplicitLayer
    observed: Tensor
    clean: Tensor

    @property
    def weights(self) -> tuple[nn.Parameter, ...]:
        """The parameters of the layer."""
        return tuple(self.layer.parameters())

    @property
    def inputs(self) -> Gradients:
        """The weights, and y where it requires gradients."""
        return (*self.weights, *([self.observed] if self.observed.requires_grad else []))

    @property
    def shape(self) -> torch.Size:
        """(N, C, H, W)."""
        return self.clean.shape

    def condition(self, weights: Mapping[str, Tensor] | None = None) -> Bound:
        """The map with its own weights, or with `weights` by name, and the starting point."""
        binder = _Binder(self.layer)
        values = {f"layer.{name}": value for name, value in (weights or {}).items()}
        layer, start = torch.func.functional_call(binder, values, self.observed)
        return layer, start.detach()

    def cotangent(self, z: Tensor) -> Tensor:
        """(z - x)."""
        return z - self.clean

    def sample(self, index: int) -> LayerCase:
        """The same with one image of the batch."""
        chosen = slice(index, index + 1)
        return replace(self, observed=self.observed[chosen], clean=self.clean[chosen])

    def with_differentiable_observation(self) -> LayerCase:
        """The same with y among θ."""
        return replace(self, observed=self.observed.detach().clone().requires_grad_())


class _Binder(nn.Module):
    """`condition` as a forward pass, for which `functional_call` can replace the weights."""

    def __init__(self, layer: ImplicitLayer) -> None:
        super().__init__()
        self.layer = layer

    def forward(self, observed: Tensor) -> Bound:
        return self.layer.condition(observed)


@dataclass(frozen=True)
class Linearisation:
    """T near z (N, C, H, W), without a graph; jacobians: J = ∂T/∂z of each sample, (N, n, n)."""

    case: LayerCase
    z: Tensor
    jacobians: Tensor

    @property
    def jacobian(self) -> Tensor:
        """J of the whole batch (N n, N n): the samples do not depend on each other."""
        jacobian: Tensor = torch.block_diag(*self.jacobians)
        return jacobian

    def pulled_back(self, w: Tensor) -> Gradients:
        """wᵀ ∂T/∂θ for w of N n entries, by each of the weights and by y."""
        case = self.case.with_differentiable_observation()
        value = case.condition()[0](self.z)
        return torch.autograd.grad(value, case.inputs, w.view_as(value))


def exact_adjoint(jacobian: Tensor, cotangent: Tensor) -> Tensor:
    """w (..., n) with (I - Jᵀ) w = g, for J (..., n, n) and g (..., n)."""
    identity = torch.eye(cotangent.shape[-1], dtype=cotangent.dtype)
    w: Tensor = torch.linalg.solve(identity - jacobian.mT, cotangent)
    return w


def linearise(case: LayerCase, z: Tensor) -> Linearisation:
    """The dense Jacobians of T at z, all rows in one batched backward pass."""
    point = z.detach().requires_grad_()
    value = case.condition()[0](point)
    count, length = len(z), z[0].numel()
    rows = torch.eye(length, dtype=z.dtype)[:, None].expand(length, count, length)
    (jacobians,) = torch.autograd.grad(
        value, point, rows.reshape(length, *z.shape), is_grads_batched=True
    )
    by_sample = jacobians.reshape(length, count, length).transpose(0, 1)
    return Linearisation(case, z.detach(), by_sample.contiguous())


@cache
def layer_case(
    name: str, dtype: torch.dtype = torch.float64, channels: int = CHANNELS
) -> LayerCase:
    """The case of one registered layer; with two blocks, because with one J is symmetric.

    The cases of both precisions have the same numbers, rounded to single precision.
    """
    problem = MotionBlur(size=SIZE, kernel_size=5, channels=channels)
    physics = problem.physics(dtype=dtype)
    formula: Layer = LAYERS.get(name)(strength=4.0, lipschitz=0.95)
    network = ConvexPotential(blocks=2, guide_features=2, threshold=0.03)
    generator = torch.Generator().manual_seed(1)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        layer = ImplicitLayer(formula, physics, channels, network)
    perturb(layer, generator)
    contrasts = torch.tensor(CONTRASTS).view(-1, 1, 1, 1)
    shape = len(CONTRASTS), channels, SIZE, SIZE
    clean = contrasts * torch.rand(shape, generator=generator)
    noise = contrasts * torch.randn(shape, generator=generator)
    observed = problem.physics().A(clean) + 0.01 * noise
    # Module.to(dtype) would make the complex buffers of the operator real.
    layer = layer.double() if dtype == torch.float64 else layer.float()
    return LayerCase(name, layer, observed.to(dtype), clean.to(dtype))


@cache
def linearised(name: str) -> tuple[Tensor, Linearisation]:
    """z* of a case in double precision and the dense derivatives there, cached for all checks."""
    case = layer_case(name)
    z_star = case.fixed_point()
    return z_star, linearise(case, z_star)


def perturb(module: nn.Module, generator: torch.Generator, scale: float = 0.5) -> None:
    """Add normal noise of standard deviation `scale` to every weight."""
    with torch.no_grad():
        for weight in module.parameters():
            noise = torch.randn(weight.shape, generator=generator, dtype=torch.float64)
            weight.add_(scale * noise.to(weight))
