"""Methods that report other costs than they have, or keep more in memory than they say."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from methods.base import KeptMemory
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import attach_adjoint
from methods.solvers.forward import ForwardSolver
from methods.solvers.products import JacobianProducts
from methods.unrolling import Unrolling

MANY = 9
Solve = Callable[[FixedPointMap, Tensor, ForwardSolver], Tensor]


@dataclass(frozen=True)
class HiddenWhere(JacobianFreeBackpropagation):
    """Applies T behind the back of its counter, but only where `hides` says so."""

    hides: Callable[[ForwardSolver], bool] = lambda forward: True
    at_test_time: bool = False

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        hidden = not self.at_test_time and self.hides(forward)
        return super().fixed_point(layer, _more(layer, z0) if hidden else z0, forward)

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        hidden = self.at_test_time and self.hides(forward)
        return forward(layer, _more(layer, z0) if hidden else z0)


def _more(layer: FixedPointMap, z: Tensor) -> Tensor:
    return layer._function(z).detach()


@dataclass(frozen=True)
class HiddenAtLimit(JacobianFreeBackpropagation):
    """Applies T behind the back of its counter where it is at its most accurate."""

    limited: bool = False

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return super().fixed_point(layer, _more(layer, z0) if self.limited else z0, forward)

    def at_limit(self) -> Self:
        return replace(self, limited=True)


@dataclass(frozen=True)
class Writes(JacobianFreeBackpropagation):
    """Writes a counter of the map: one time too few, or as it was before an application."""

    counter: str = "evaluations"
    undone: bool = False

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        before = getattr(layer, self.counter)
        image = super().fixed_point(layer, z0, forward)
        setattr(layer, self.counter, getattr(layer, self.counter) if self.undone else before)
        return image


@dataclass(frozen=True)
class Overcounts(JacobianFreeBackpropagation):
    """Counts a product that it does not make."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = super().fixed_point(layer, z0, forward)
        layer.count_product(z0)
        return image


@dataclass(frozen=True)
class HiddenProducts(JacobianFreeBackpropagation):
    """Takes products in its backward pass, by `take`, from the function below the counter."""

    take: Callable[[Callable[[Tensor], Tensor], Tensor, Tensor], object] = lambda *_: None
    below: bool = True

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z = forward(layer, z0)

        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            with torch.enable_grad():
                self.take(layer._function if self.below else layer, z, cotangent)
            return cotangent

        return attach_adjoint(layer, z, rule)


def _many(v: Tensor) -> Tensor:
    return torch.stack([v] * MANY)


def batched(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """Many Jᵀ w by is_grads_batched=True."""
    point = z.clone().requires_grad_()
    torch.autograd.grad(function(point), point, _many(g), is_grads_batched=True)


def pulled(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """Many Jᵀ w by torch.vmap."""
    torch.vmap(torch.func.vjp(function, z)[1])(_many(g))


def pushed(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """Many J v by torch.vmap of torch.func.jvp."""
    torch.vmap(lambda v: torch.func.jvp(function, (z,), (v,))[1])(_many(g))


def pushed_once(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """One J v by torch.func.jvp."""
    torch.func.jvp(function, (z,), (g,))


def linearised(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """Many J v by torch.func.linearize, which evaluates T once."""
    _, push = torch.func.linearize(function, z)
    for _ in range(MANY):
        push(g)


def rows(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """Many of Jᵀ's products by rows of a Jacobian."""
    torch.func.jacrev(lambda u: function(u).flatten()[:MANY])(z)


def mapped(function: Callable[[Tensor], Tensor], z: Tensor, g: Tensor) -> None:
    """Many evaluations as one."""
    torch.vmap(function)(_many(z))


@dataclass(frozen=True)
class KeepsIterates(JacobianFreeBackpropagation):
    """Keeps all iterates of its forward solve, where `keep` puts them."""

    keep: str = "closure"

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        iterates, z = [], z0
        for _ in range(forward.solver.max_iterations):
            z = layer(z).detach()
            iterates.append(z)
        image = super().fixed_point(layer, z0, forward)
        if self.keep == "closure":
            image.register_hook(lambda gradient: gradient + 0 * len(iterates))
        else:
            (layer if self.keep == "map" else image).iterates = iterates
        return image


@dataclass(frozen=True)
class StoresAll(Unrolling):
    """Says that it recomputes segments, or that memory is constant, and stores all steps."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return replace(Unrolling(self.steps), checkpoint=0).fixed_point(layer, z0, forward)

    def stated_memory(self) -> KeptMemory | None:
        return super().stated_memory() if self.checkpoint else KeptMemory(1)


@dataclass(frozen=True)
class KeepsSteps(Unrolling):
    """Keeps an image of each step beside the segments, or makes them in its backward pass."""

    late: bool = False

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = super().fixed_point(layer, z0, forward)
        kept = [] if self.late else self._images(image)

        def hook(gradient: Tensor) -> None:
            kept.extend(self._images(gradient))

        image.register_hook(hook)
        return image

    def _images(self, like: Tensor) -> list[Tensor]:
        return [like.detach().clone() for _ in range(self.steps)]


@dataclass(frozen=True)
class Leaks(JacobianFreeBackpropagation):
    """Keeps one more tensor of each training step or test image."""

    where: str = "instance"
    at_test_time: bool = False
    own: list[Tensor] = field(default_factory=list)
    everyone: ClassVar[list[Tensor]] = []

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = super().fixed_point(layer, z0, forward)
        if not self.at_test_time:
            self._keep(image, forward)
        return image

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = forward(layer, z0)
        if self.at_test_time:
            self._keep(image, forward)
        return image

    def _keep(self, image: Tensor, forward: ForwardSolver) -> None:
        kept: dict[str, Any] = {"instance": self.own, "class": self.everyone, "graph": self.own}
        place = kept.get(self.where, forward.state.setdefault("images", []))
        place.append(image if self.where == "graph" else image.detach().clone())
