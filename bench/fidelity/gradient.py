"""The error of a method's gradient, and what it costs, at given weights.

The reference is the exact gradient at the same weights and images in double precision, with the
fixed point and the adjoint system both solved to 1e-12; docs/gradients.md has the protocol.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from bench.config.settings import RunConfig
from bench.measurement.clock import Clock
from bench.measurement.memory import measure_peak
from bench.measurement.reproducibility import seed_generators
from bench.measurement.training import training_loss
from methods.base import GradientMethod
from methods.ift import ImplicitFunctionTheorem
from methods.networks.implicit_layer import FixedPointMap, ImplicitLayer
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.solvers.trace import Trace
from problems.data import Pairs

Weights = Mapping[str, Tensor]
REPEATS = 5
PATIENCE_SECONDS = 2.0  # of timed passes, after which no further pass is made
TIGHT = 1e-12
REFERENCE_METHOD = ImplicitFunctionTheorem(tolerance=TIGHT, max_iterations=2000)
REFERENCE_SOLVER = Solver("anderson", TIGHT, max_iterations=2000, memory=10)


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


def compare(gradient: Tensor, reference: Tensor) -> dict[str, float]:
    """Cosine, relative error and norm ratio of two vectors (p,)."""
    size, true_size = gradient.norm(), reference.norm()
    return {
        "cosine": float(gradient @ reference / (size * true_size)),
        "relative_error": float((gradient - reference).norm() / true_size),
        "norm_ratio": float(size / true_size),
    }


def measure(
    method: GradientMethod, case: Case, reference: Tensor, tolerance: float
) -> dict[str, object]:
    """The measured columns of `gradients` for one method at one forward tolerance.

    The first pass, which also warms up, gives the error and the counts; more passes are timed; the
    peak memory is measured in a last one. `tolerance` is NaN if the method did not use it.
    """
    seed_generators(case.config.seed)  # for plug-ins that draw from them
    settings, layer = case.config.forward, case.layer()
    solver = Solver(settings.solver, tolerance, settings.max_iterations, settings.memory)
    samples = torch.arange(len(case.batch.clean), device=case.batch.clean.device)
    forward = ForwardSolver(solver, samples=samples)

    def once() -> Pass:
        forward.state.clear()  # each pass is that of a first step
        return gradient_pass(method, layer, forward, case.batch, case.config.train.loss)

    first = once()
    row: dict[str, object] = {"tolerance": tolerance if forward.was_used else float("nan")}
    row |= _errors_and_counts(first, forward.trace, reference)
    if row["status"] != "completed":
        return row
    row |= _timed(once)
    peak = measure_peak(once, case.config.device)
    row |= {"peak_memory_bytes": float(peak.bytes), "peak_memory_source": peak.source}
    return row


def _errors_and_counts(first: Pass, trace: Trace, reference: Tensor) -> dict[str, object]:
    finite = bool(first.gradient.isfinite().all())
    return {
        "status": "completed" if finite else "diverged",
        "message": "" if finite else "the gradient is not finite",
        **(compare(first.gradient, reference) if finite else {}),
        "forward_evaluations": float(first.layer.evaluations),
        "vjps": float(first.layer.vjps),
        "forward_residual": trace.forward.last_residual,
        "forward_converged_fraction": trace.forward.converged_fraction,
        "adjoint_converged_fraction": trace.adjoint.converged_fraction,
    }


def _timed(once: Any) -> dict[str, object]:
    """The median seconds of both halves over a few passes; over fewer for a slow method."""
    passes: list[Pass] = []
    spent = 0.0
    while not passes or (len(passes) < REPEATS and spent < PATIENCE_SECONDS):
        passes.append(once())
        spent += passes[-1].forward_seconds + passes[-1].backward_seconds
    return {
        "forward_seconds": statistics.median(each.forward_seconds for each in passes),
        "backward_seconds": statistics.median(each.backward_seconds for each in passes),
    }
