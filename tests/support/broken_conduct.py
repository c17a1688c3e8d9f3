"""Methods that behave wrongly in one way each: they change, keep or forget what they must not."""

from __future__ import annotations

import os
import random
import threading
import warnings
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from methods.base import GradientMethod
from methods.jfb import JacobianFreeBackpropagation
from methods.networks.implicit_layer import FixedPointMap
from methods.solvers.adjoint import attach_adjoint
from methods.solvers.forward import ForwardSolver
from methods.solvers.products import JacobianProducts
from tests.support.broken_methods import Meddles

Deed = Callable[..., object]


@dataclass(frozen=True)
class AtTestTime(Meddles):
    """Does it at test time."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return JacobianFreeBackpropagation.fixed_point(self, layer, z0, forward)

    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        self.deed()
        return super().reconstruct(layer, z0, forward)


# What each does to the process, and the name of the switch that tells.
DEEDS: dict[str, tuple[Deed, str]] = {
    "seeds PyTorch": (lambda: torch.manual_seed(987654321), "PyTorch's generator"),
    "draws from PyTorch": (lambda: torch.rand(1), "PyTorch's generator"),
    "draws from NumPy": (lambda: np.random.rand(), "NumPy's generator"),
    "draws from Python": (random.random, "Python's generator"),
    "default dtype": (lambda: torch.set_default_dtype(torch.float64), "default dtype"),
    "default device": (lambda: torch.set_default_device("meta"), "default device"),
    "anomaly mode": (
        lambda: torch.autograd.set_detect_anomaly(True, check_nan=False),
        "anomaly detection",
    ),
    "gradients off": (lambda: torch._C._set_grad_enabled(False), "gradients enabled"),
    "deterministic": (lambda: torch.use_deterministic_algorithms(True), "deterministic algo"),
    "tf32": (lambda: torch.set_float32_matmul_precision("medium"), "backends of PyTorch"),
    "cudnn": (lambda: setattr(torch.backends.cudnn, "benchmark", True), "backends of PyTorch"),
    "denormals": (
        lambda: torch.set_flush_denormal(_probe_denormal()),
        "flushing of denormals",
    ),
    "autocast": (lambda: torch.set_autocast_enabled("cpu", True), "autocast"),
    "module hook": (
        lambda: torch.nn.modules.module.register_module_forward_hook(lambda *_: None),
        "hooks of all modules",
    ),
    "saved tensors": (
        lambda: torch.autograd.graph.saved_tensors_hooks(lambda t: t, lambda t: t).__enter__(),
        "modes of PyTorch",
    ),
    "environment": (lambda: os.environ.update(SOMETHING="1"), "environment"),
    "warnings": (lambda: warnings.simplefilter("ignore"), "filters of warnings"),
    "current folder": (lambda: os.chdir("/"), "current folder"),
    "replaces a function": (
        lambda: setattr(torch.nn.functional, "conv2d", lambda *a, **k: torch.conv2d(*a, **k)),
        "functions of PyTorch",
    ),
    "replaces a solver": (
        lambda: setattr(ForwardSolver, "__call__", lambda s, layer, z: z.detach()),
        "functions of PyTorch",
    ),
    "thread": (lambda: threading.Thread(target=_WAIT[-1].wait, daemon=True).start(), "threads"),
    "file": (lambda: _OPEN.append(os.open(os.devnull, os.O_RDONLY)), "open files"),
}
_WAIT = [threading.Event()]
_OPEN: list[int] = []


def _probe_denormal() -> bool:
    """The other setting than the present one."""
    return bool((torch.tensor([2.0**-1060], dtype=torch.float64) * 0.5).any())


def clean_up() -> None:
    """End what the deeds have left."""
    _WAIT.pop().set()
    _WAIT.append(threading.Event())
    while _OPEN:
        os.close(_OPEN.pop())
    while torch._C._autograd._top_saved_tensors_default_hooks(True):  # type: ignore[attr-defined]
        torch._C._autograd._pop_saved_tensors_default_hooks()  # type: ignore[attr-defined]


@dataclass(frozen=True)
class SeedsThoughStochastic(Meddles):
    """Says that it draws, and seeds the generator on the way."""

    stochastic = True


@dataclass(frozen=True)
class OverwritesStart(JacobianFreeBackpropagation):
    """Changes z₀ after the solve: in place, or past the version counter."""

    hidden: bool = False

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = super().fixed_point(layer, z0, forward)
        (z0.data if self.hidden else z0).mul_(0.5)
        return image


@dataclass(frozen=True)
class OverwritesStartBackwards(GradientMethod):
    """The same in the backward pass."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            z0.add_(1)
            return cotangent

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class OverwritesStartAtTestTime(JacobianFreeBackpropagation):
    def reconstruct(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        image = forward(layer, z0)
        z0.zero_()
        return image


class _Doubling(torch.autograd.Function):
    """The identity, whose backward pass works in place on what it is given."""

    @staticmethod
    def forward(ctx: Any, value: Tensor) -> Tensor:
        return value.view_as(value)

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> Tensor:
        result = cotangent.clone()
        cotangent.mul_(2)
        return result


@dataclass(frozen=True)
class OverwritesCotangent(GradientMethod):
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        return _Doubling.apply(layer(forward(layer, z0)))


@dataclass(frozen=True)
class HooksStart(JacobianFreeBackpropagation):
    """Leaves z₀ with a graph of its own."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        z0.requires_grad_()
        return super().fixed_point(layer, z0.detach(), forward)


@dataclass(frozen=True)
class CountsCalls(JacobianFreeBackpropagation):
    """Keeps a number in itself, which a resumed run would have lost."""

    calls: list[int] = field(default_factory=list)

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        self.calls.append(1)
        return super().fixed_point(layer, z0, forward)


class WritesIntoItsClass(JacobianFreeBackpropagation):
    last: Any = None

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        type(self).last = object()
        return super().fixed_point(layer, z0, forward)


_memory: dict[str, Any] = {"calls": 0}


@dataclass(frozen=True)
class ChangesItsMind(GradientMethod):
    """Damps its gradient after a number of calls, which it counts behind everybody's back."""

    after: int = 20

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        _memory["calls"] += 1
        factor = 1.0 if _memory["calls"] <= self.after else 0.5
        return attach_adjoint(layer, forward(layer, z0), lambda products, g: factor * g)


@dataclass(frozen=True)
class MovesOn(GradientMethod):
    """Adds a part of the last ∂ℓ/∂z of the same shape, wherever that came from."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            last = _memory.get("last", cotangent)
            _memory["last"] = cotangent.detach().clone()
            return cotangent + 0.1 * last if last.shape == cotangent.shape else cotangent

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class DrawsInSilence(GradientMethod):
    """Draws its gradient, and does not say so."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        factor = 1 + 0.1 * random.random()
        return attach_adjoint(layer, forward(layer, z0), lambda products, g: factor * g)


@dataclass(frozen=True)
class OnceOnly(GradientMethod):
    """Right in the first backward pass of a graph, and without its factor in the next."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        passes: list[int] = []

        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            passes.append(1)
            return cotangent if len(passes) == 1 else 0.5 * cotangent

        return attach_adjoint(layer, forward(layer, z0), rule)


@dataclass(frozen=True)
class RemembersCotangent(GradientMethod):
    """Takes the first ∂ℓ/∂z of a graph for every later one."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        first: list[Tensor] = []

        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            first.append(cotangent)
            return first[0]

        return attach_adjoint(layer, forward(layer, z0), rule)


class _SilentOnce(torch.autograd.Function):
    """(I - Jᵀ)⁻¹ applied to ∂ℓ/∂z, with nothing recorded for a second derivative."""

    @staticmethod
    def forward(ctx: Any, value: Tensor, point: Tensor) -> Tensor:
        ctx.save_for_backward(value, point)
        return value.clone()

    @staticmethod
    def backward(ctx: Any, cotangent: Tensor) -> tuple[Tensor, None]:
        value, point = ctx.saved_tensors
        g = w = cotangent.detach()
        for _ in range(800):
            w = g + torch.autograd.grad(value, point, w, retain_graph=True)[0]
        return w, None


@dataclass(frozen=True)
class SilentSecondDerivative(GradientMethod):
    """Exact, but its second derivative is that of ∂T/∂θ alone."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        point = forward(layer, z0).detach().requires_grad_()
        return _SilentOnce.apply(layer(point), point)


@dataclass(frozen=True)
class KeepsWhatCannotBeStored(JacobianFreeBackpropagation):
    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        forward.state["layer"] = object()
        return super().fixed_point(layer, z0, forward)


@dataclass(frozen=True)
class StoresHalf(GradientMethod):
    """Keeps a tensor in its state, and the number of steps elsewhere."""

    def fixed_point(self, layer: FixedPointMap, z0: Tensor, forward: ForwardSolver) -> Tensor:
        state = forward.state
        known = _memory.setdefault("states", [])
        seen = sum(other is state for other in known)
        known.append(state)

        def rule(products: JacobianProducts, cotangent: Tensor) -> Tensor:
            last = state.get("last", torch.zeros_like(cotangent))
            state["last"] = cotangent.detach().clone()
            return cotangent + 0.1 * seen * last

        return attach_adjoint(layer, forward(layer, z0), rule)
