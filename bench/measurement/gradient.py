"""A method's gradient at given weights, and the reference that it is compared with.

The reference is the exact gradient at the same weights and images in double precision, with the
fixed point and the adjoint system both solved to 1e-12; docs/gradients.md has the protocol.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench.config.settings import RunConfig
from bench.measurement.clock import Clock
from bench.measurement.models import solver_of
from bench.measurement.reproducibility import seed_generators
from bench.measurement.training import training_loss
from methods.base import GradientMethod
from methods.ift import ImplicitFunctionTheorem
from methods.networks.implicit_layer import FixedPointMap, ImplicitLayer
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from problems.data import Pairs

Weights = Mapping[str, Tensor]
TIGHT = 1e-12
REFERENCE_METHOD = ImplicitFunctionTheorem(tolerance=TIGHT, max_iterations=2000)
REFERENCE_SOLVER = Solver("anderson", TIGHT, max_iterations=2000, memory=10)


def weights_of(module: nn.Module) -> Weights:
    """A copy of the weights by name, on the CPU."""
    return {name: weight.detach().cpu().clone() for name, weight in module.named_parameters()}


class ReferenceFailed(RuntimeError):
    """The reference gradient could not be computed to its tolerance."""


@dataclass(frozen=True)
class Case:
    """What a gradient is measured on: weights by name and one batch in single precision.

    The problem of `config` is the one of its seed (see `problems.base.problem_of_seed`).
    """

    config: RunConfig
    physics: Any
    batch: Pairs
    weights: Weights

    def layer(self) -> ImplicitLayer:
        """A new layer with these weights, so that no method can damage another's."""
        return self._filled(self.physics).to(self.config.device)

    def layer_in_double(self) -> ImplicitLayer:
        """The same in double precision, its operator too."""
        physics = self.config.problem.physics(self.config.device, torch.float64)
        return self._filled(physics).double().to(self.config.device)

    def _filled(self, physics: Any) -> ImplicitLayer:
        with torch.random.fork_rng(devices=[]):
            config = self.config
            channels = config.problem.channels
            layer = ImplicitLayer(config.layer, physics, channels, config.network)
        with torch.no_grad():
            for name, parameter in layer.named_parameters():
                parameter.copy_(self.weights[name])
        return layer


@dataclass(frozen=True)
class Pass:
    """One forward and backward pass: dℓ/dθ (p,) in double precision on the CPU, and its cost."""

    gradient: Tensor
    forward_seconds: float
    backward_seconds: float
    layer: FixedPointMap


def gradient_pass(
    method: GradientMethod, layer: ImplicitLayer, forward: ForwardSolver, batch: Pairs, loss: str
) -> Pass:
    """The gradient of the training loss, as in a training step, and the time of both halves."""
    clock = Clock(str(batch.clean.device))
    for parameter in layer.parameters():
        parameter.grad = None
    with clock.phase("forward"):
        bound, start = layer.condition(batch.observed)
        image = method.fixed_point(bound, start, forward)
        value = training_loss(loss, image, batch.clean)
    with clock.phase("backward"):
        value.backward()
    parts = []
    for parameter in layer.parameters():
        gradient = torch.zeros_like(parameter) if parameter.grad is None else parameter.grad
        parts.append(gradient.detach().double().flatten().cpu())
    return Pass(torch.cat(parts), clock.phases["forward"], clock.phases["backward"], bound)


def reference_gradient(case: Case) -> Tensor:
    """dℓ/dθ (p,) in double precision; ReferenceFailed if a solve did not reach 1e-12."""
    forward = ForwardSolver(REFERENCE_SOLVER)
    batch = Pairs(case.batch.clean.double(), case.batch.observed.double())
    layer = case.layer_in_double()
    found = gradient_pass(REFERENCE_METHOD, layer, forward, batch, case.config.train.loss)
    for kind, log in (("forward", forward.trace.forward), ("adjoint", forward.trace.adjoint)):
        if log.converged_fraction < 1:
            raise ReferenceFailed(
                f"the {kind} solve of the reference did not converge: its residual is "
                f"{log.last_residual:.1e}"
            )
    return found.gradient


def errors_of_training(case: Case) -> dict[str, float]:
    """What `compare` says of the gradient that training takes: its method, solver and tolerance.

    It is that of a first step: a method that keeps something from step to step begins afresh.
    Raises ReferenceFailed.
    """
    config, batch = case.config, case.batch
    samples = torch.arange(len(batch.clean), device=batch.clean.device)
    forward = ForwardSolver(solver_of(config.forward), samples=samples)
    reference = reference_gradient(case)
    seed_generators(config.seed)  # for plug-ins that draw from them
    found = gradient_pass(config.method, case.layer(), forward, batch, config.train.loss)
    return compare(found.gradient, reference)


def compare(gradient: Tensor, reference: Tensor) -> dict[str, float]:
    """Cosine, relative error and norm ratio of two vectors (p,)."""
    size, true_size = gradient.norm(), reference.norm()
    return {
        "cosine": float(gradient @ reference / (size * true_size)),
        "relative_error": float((gradient - reference).norm() / true_size),
        "norm_ratio": float(size / true_size),
    }
