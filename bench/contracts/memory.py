"""What a method keeps in memory, by the bytes of live tensors, whoever holds them."""

from __future__ import annotations

import gc
from dataclasses import replace
from typing import Any

import torch

from bench.contracts.cases import LayerCase
from bench.contracts.requirement import NotStated, require
from bench.machine.collector import collector_paused
from bench.measurement.memory import LiveTensorBytes
from bench.measurement.reproducibility import generators_kept, seed_generators
from methods.base import GradientMethod, KeptMemory
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver

UNREACHABLE = 1e-30
FEW_ITERATIONS, MANY_ITERATIONS = 5, 60
STEPS = 4
FEW_STEPS, MANY_STEPS = 9, 37  # of a method with iterations of its own; no checkpoint divides both
SAME_GROWTH = 0.2  # of the bytes that one recorded application of T keeps: about six images


def memory_law(method: GradientMethod, case: LayerCase) -> None:
    """The memory kept for the backward pass does not grow with the forward iterations."""
    if type(method).stated_adjoint_of_path is not GradientMethod.stated_adjoint_of_path:
        raise NotStated("its formula needs the path of the forward solve, which it keeps")
    few, many = (saved_bytes(method, case, n) for n in (FEW_ITERATIONS, MANY_ITERATIONS))
    reason = f"{few} bytes kept after {FEW_ITERATIONS} iterations, {many} after {MANY_ITERATIONS}"
    require(many <= few, reason)


def memory_of_steps(method: GradientMethod, case: LayerCase) -> None:
    """What a method with own iterations keeps, and its peak, grow with them as it states."""
    few, many = (method.at_iterations(n) for n in (FEW_STEPS, MANY_STEPS))
    before, after = few.stated_memory(), many.stated_memory()
    if few == many or before is None or after is None:
        raise NotStated("the method has no iterations of its own, or states no memory of them")
    stated = stated_bytes(after, case) - stated_bytes(before, case)
    measured = zip(step_bytes(few, case), step_bytes(many, case), strict=True)
    for name, (of_few, of_many) in zip(("kept", "peak"), measured, strict=True):
        grown, allowed = of_many - of_few, SAME_GROWTH * application_bytes(case)
        reason = f"from {FEW_STEPS} to {MANY_STEPS} iterations the {name} bytes grow by {grown}"
        require(abs(grown - stated) <= allowed, f"{reason}, stated are {stated}")


def stated_bytes(kept: KeptMemory, case: LayerCase) -> int:
    """What is stated, in bytes."""
    images = kept.images * case.clean.nbytes + kept.doubles * case.clean.double().nbytes
    return kept.applications * application_bytes(case) + images


def application_bytes(case: LayerCase) -> int:
    """The bytes that an ordinary recorded application of T keeps, its value included."""
    layer, start = case.condition()
    with collector_paused(), LiveTensorBytes() as live:
        values = [layer(start)]
        before = live.current
        values.append(layer(values[-1]))
        kept: int = live.current - before
    return kept


def step_bytes(method: GradientMethod, case: LayerCase) -> tuple[int, int]:
    """What a forward pass keeps, and the most that lives in it and its backward pass."""
    layer, start = case.condition()
    with generators_kept(), collector_paused(), LiveTensorBytes() as live:
        seed_generators(0)
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
        kept = live.current
        torch.autograd.grad(image, case.inputs, case.cotangent(image.detach()), allow_unused=True)
    return kept, live.peak


def no_leak(method: GradientMethod, case: LayerCase) -> None:
    """Training steps and test images leave no more tensors behind the more there are of them."""
    kept = bytes_after_steps(method, case)
    grown = max(kept[2:]) - kept[1]
    require(grown <= 0, f"{grown} bytes more stay in memory after {STEPS} steps than after 2")


def saved_bytes(method: GradientMethod, case: LayerCase, max_iterations: int) -> int:
    """The bytes of the tensors that a forward pass made and that live on with its image."""
    layer, start = case.condition()
    solver = replace(case.tight, tolerance=UNREACHABLE, max_iterations=max_iterations)
    with generators_kept(), collector_paused(), LiveTensorBytes() as live:
        seed_generators(0)
        image = method.fixed_point(layer, start, ForwardSolver(solver))
        kept: int = live.current
    require(image.requires_grad, "the image has no autograd graph")
    return kept


def bytes_after_steps(method: GradientMethod, case: LayerCase) -> list[int]:
    """The bytes of the tensors that live on after each of a few training steps and test images."""
    state: dict[str, Any] = {}
    kept = []
    with generators_kept(), collector_paused(), LiveTensorBytes() as live:
        seed_generators(0)
        for _ in range(STEPS):
            _step(method, case, state)
            gc.collect(0)  # cycles are for nothing_left_behind; this is about what never goes
            kept.append(live.current)
    return kept


def _step(method: GradientMethod, case: LayerCase, state: dict[str, Any]) -> None:
    layer, start = case.condition()
    samples = torch.arange(len(start))
    image = method.fixed_point(layer, start, ForwardSolver(Solver(), state=state, samples=samples))
    torch.autograd.grad(case.loss(image), case.inputs, allow_unused=True)
    with torch.no_grad():
        method.reconstruct(*case.condition(), ForwardSolver(Solver()))
