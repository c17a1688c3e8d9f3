"""Nothing that happened before decides what a method computes now, but what it declares."""

from __future__ import annotations

import io
import tempfile
from contextlib import redirect_stderr
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from bench.contracts.cases import Gradients, LayerCase
from bench.contracts.differentiation import (
    SEED,
    Differentiation,
    differentiate,
    filled,
    flat,
    require_close,
)
from bench.contracts.gradients import require_exact_claim
from bench.contracts.linear import LinearCase
from bench.contracts.requirement import require
from bench.contracts.stochastic import refuse_draws
from bench.measurement.reproducibility import generators_kept, seed_generators
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver
from methods.training.checkpoint_file import CheckpointFile

SAME_BITS = 1e-12
CALLS = 30
STEP, SECOND = 1e-5, 1e-4  # of a finite difference, and of a second derivative found by it


def deterministic(method: GradientMethod, case: LayerCase) -> None:
    """The same seed gives bitwise identical results, whatever was computed in between."""
    first = differentiate(method, case)
    _require_same(first, differentiate(method, case), "between two executions")
    differentiate(method, case.sample(0), Solver(), seed=SEED + 7)
    differentiate(method, replace(case, observed=case.observed.flip(0, 2)))
    _require_same(first, differentiate(method, case), "after other images")


def any_number_of_calls(method: GradientMethod, case: LinearCase) -> None:
    """The gradient does not depend on the number of calls before."""
    first = differentiate(method, case)
    for call in range(2, CALLS + 1):
        _require_same(first, differentiate(method, case), f"at call {call}")


def draws_declared(method: GradientMethod, case: LayerCase) -> None:
    """Another seed changes nothing, unless the method declares itself stochastic."""
    refuse_draws(method)
    first, second = (differentiate(method, case, seed=seed) for seed in (SEED, SEED + 1))
    _require_same(first, second, "with the seed; a method that draws declares `stochastic`")


def _require_same(first: Differentiation, second: Differentiation, when: str) -> None:
    require(torch.equal(first.image, second.image), f"the image differs {when}")
    same = torch.equal(flat(first.gradients), flat(second.gradients))
    require(same, f"the gradient differs {when}")


def two_forwards(method: GradientMethod, case: LayerCase) -> None:
    """A second forward pass does not change the backward pass of the first."""
    with generators_kept():
        layer, start = case.condition()
        seed_generators(2 * SEED)
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
        other_layer, other_start = replace(case, observed=case.observed.flip(0, 2)).condition()
        other = method.fixed_point(other_layer, other_start, ForwardSolver(case.tight))
        seed_generators(2 * SEED + 1)
        found = torch.autograd.grad(case.loss(image), case.inputs, allow_unused=True)
        torch.autograd.grad(case.loss(other), case.inputs, allow_unused=True)
    expected = differentiate(method, case).gradients
    what = "after a second forward pass"
    require_close(filled(found, case.inputs), expected, SAME_BITS, what)


def second_backward(method: GradientMethod, case: LayerCase) -> None:
    """With retain_graph=True a second backward pass gives the same, and a third with another
    ∂ℓ/∂z what it would give alone.
    """
    with generators_kept():
        layer, start = case.condition()
        seed_generators(2 * SEED)
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
        one = case.cotangent(image.detach())
        other = one.flip(0, 2) + one.square()
        passes = [_pulled(image, case, w) for w in (one, one, other, one)]
        alone_layer, alone_start = case.condition()
        seed_generators(2 * SEED)
        alone = method.fixed_point(alone_layer, alone_start, ForwardSolver(case.tight))
        expected = _pulled(alone, case, other)
    for again in (passes[1], passes[3]):
        require_close(again, passes[0], SAME_BITS, "a second backward pass of the same graph")
    require_close(passes[2], expected, SAME_BITS, "a backward pass with another ∂ℓ/∂z")


def _pulled(image: Tensor, case: LayerCase, cotangent: Tensor) -> Gradients:
    seed_generators(2 * SEED + 1)
    found = torch.autograd.grad(
        image, case.inputs, cotangent.clone(), retain_graph=True, allow_unused=True
    )
    return filled(found, case.inputs)


def second_derivative(method: GradientMethod, case: LinearCase) -> None:
    """The derivative of an exact gradient is right, or refused by an error."""
    refuse_draws(method)
    method = method.at_limit()
    require_exact_claim(method, case)
    generator = torch.Generator().manual_seed(4)
    directions = tuple(torch.randn(v.shape, generator=generator).to(v) for v in case.inputs)
    expected = _curvature(method, case, directions)
    for which in (slice(None), slice(0, 1), slice(1, 2)):
        for backward in (False, True):
            found = _differentiated_twice(method, case, directions, which, backward)
            if found is not None:
                require_close(found, expected[which], SECOND, "its derivative, not refused")


def _curvature(method: GradientMethod, case: LinearCase, directions: Gradients) -> Gradients:
    """∇(d · ∇ℓ) = ∇²ℓ d, by a central difference of the gradient along d."""
    sides = [
        differentiate(method, case.moved(directions, sign * STEP)).gradients for sign in (1, -1)
    ]
    pairs = zip(*sides, strict=True)
    return tuple((ahead - behind) / (2 * STEP) for ahead, behind in pairs)


def _differentiated_twice(
    method: GradientMethod, case: LinearCase, directions: Gradients, which: slice, backward: bool
) -> Gradients | None:
    """∇(d · ∇ℓ) for some of θ by autograd; None if that is refused."""
    inputs = case.inputs[which]
    try:
        layer, start = case.condition()
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
        once = torch.autograd.grad(case.loss(image), case.inputs, create_graph=True)
        slopes = [(g * d).sum() for g, d in zip(once, directions, strict=True)]
        slope = torch.stack(slopes).sum()
        if backward:
            torch.autograd.backward(slope, inputs=list(inputs))
            found = [value.grad for value in inputs]
        else:
            found = [*torch.autograd.grad(slope, inputs, allow_unused=True)]
        return filled(found, inputs)
    except RuntimeError:
        return None
    finally:
        for value in inputs:
            value.grad = None


def state_stored(method: GradientMethod, case: LayerCase) -> None:
    """A second step from a state that was stored in a checkpoint equals one without.

    Each step finds its state in `forward.state`: one with an empty state is a first step.
    """
    kept: dict[str, Any] = {}
    first = _step(method, case, kept)
    again = _step(method, case, {})
    require_close(again, first, SAME_BITS, "a first step after another one")
    stored = _as_stored(kept)
    second = _step(method, case, kept)
    resumed = _step(method, case, stored)
    require_close(resumed, second, SAME_BITS, "a second step from a stored state")


def _step(method: GradientMethod, case: LayerCase, state: dict[str, Any]) -> Gradients:
    """One training step; the gradients, while `state` receives what the method keeps."""
    samples = torch.arange(case.shape[0])
    with generators_kept():
        seed_generators(2 * SEED)
        layer, start = case.condition()
        forward = ForwardSolver(case.tight, state=state, samples=samples)
        image = method.fixed_point(layer, start, forward)
        found = torch.autograd.grad(case.loss(image), case.inputs, allow_unused=True)
    return filled(found, case.inputs)


def _as_stored(state: dict[str, Any]) -> dict[str, Any]:
    """The state after a checkpoint; ContractViolation if it cannot be stored."""
    said = io.StringIO()
    with tempfile.TemporaryDirectory() as folder, redirect_stderr(said):
        file = CheckpointFile(Path(folder) / "state.safetensors", "key")
        file.save(state)
        stored = file.load()
    reason = said.getvalue().strip().rpartition(": ")[2]
    require(stored is not None, f"forward.state cannot be stored: {reason}")
    return stored or {}
