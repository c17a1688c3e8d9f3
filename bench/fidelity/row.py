"""The error of one method's gradient, and what it costs, at given weights and forward tolerance."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace

import torch
from torch import Tensor

from bench.measurement.gradient import Case, Pass, compare, gradient_pass
from bench.measurement.memory import measure_peak
from bench.measurement.models import solver_of
from bench.measurement.reproducibility import seed_generators
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver
from methods.solvers.trace import Trace

REPEATS = 5
PATIENCE_SECONDS = 2.0  # of timed passes, after which no further pass is made


def measure(
    method: GradientMethod, case: Case, reference: Tensor, tolerance: float
) -> dict[str, object]:
    """The measured columns of `gradients` for one method at one forward tolerance.

    The first pass, which also warms up, gives the error and the counts; more passes are timed; the
    peak memory is measured in a last one. `tolerance` is NaN if the method did not use it.
    """
    seed_generators(case.config.seed)  # for plug-ins that draw from them
    layer, solver = case.layer(), replace(solver_of(case.config.forward), tolerance=tolerance)
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


def _timed(once: Callable[[], Pass]) -> dict[str, object]:
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
