"""A method leaves everything as it found it: its inputs, the layer, itself and the process."""

from __future__ import annotations

import gc
import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from bench.contracts.cases import LayerCase
from bench.contracts.differentiation import SEED, differentiate
from bench.contracts.process.state import GENERATORS, State, changed_switches, read_switches
from bench.contracts.requirement import require
from bench.measurement.reproducibility import generators_kept, seed_generators
from methods.base import GradientMethod
from methods.solvers.forward import ForwardSolver
from methods.solvers.iterate import Solver


def process_unchanged(method: GradientMethod, case: LayerCase) -> None:
    """Switches, hooks, functions, files and threads of the process are unchanged, and no generator
    has been drawn from.

    A method that declares itself stochastic draws, but does not seed.
    """
    with generators_kept():
        _require_unchanged(method, case, read_switches(), first_use=True)
        _require_unchanged(method, case, read_switches())
        if method.stochastic:
            _require_unseeded(method, case)


def _require_unchanged(
    method: GradientMethod, case: LayerCase, before: State, *, first_use: bool = False
) -> None:
    _every_pass(method, case)
    changed = changed_switches(before, first_use=first_use)
    if method.stochastic:
        changed = [name for name in changed if name not in GENERATORS]
    require(not changed, f"changed: {', '.join(changed)}")


def _require_unseeded(method: GradientMethod, case: LayerCase) -> None:
    """Raise if a generator ends in the same state, whatever its state was before."""
    ends = []
    for seed in (1, 2):
        seed_generators(seed)
        _every_pass(method, case)
        ends.append(read_switches())
    seeded = [name for name in GENERATORS if ends[0][name] == ends[1][name]]
    require(not seeded, f"seeded by the method: {', '.join(seeded)}")


def _every_pass(method: GradientMethod, case: LayerCase) -> None:
    """A forward and a backward pass, and a reconstruction, as a run makes them."""
    layer, start = case.condition()
    image = method.fixed_point(layer, start, ForwardSolver(Solver()))
    torch.autograd.grad(case.loss(image), case.inputs, allow_unused=True)
    with torch.no_grad():
        method.reconstruct(*case.condition(), ForwardSolver(Solver()))


def inputs_unchanged(method: GradientMethod, case: LayerCase) -> None:
    """z₀, y, x, the image and ∂ℓ/∂z are unchanged by every pass, and have no hooks."""
    layer, start = case.condition()
    held = {"z₀": start, "y": case.observed, "x": case.clean}
    with _unchanged(held, "in the forward pass"):
        image = method.fixed_point(layer, start, ForwardSolver(case.tight))
    cotangent = case.cotangent(image.detach())
    with _unchanged({**held, "the image": image, "∂ℓ/∂z": cotangent}, "in the backward pass"):
        torch.autograd.grad(image, case.inputs, cotangent, allow_unused=True)
    layer, start = case.condition()
    with _unchanged({**held, "z₀": start}, "at test time"), torch.no_grad():
        method.reconstruct(layer, start, ForwardSolver(case.tight))


@contextmanager
def _unchanged(held: dict[str, Tensor], when: str) -> Iterator[None]:
    before = {name: (tensor._version, tensor.detach().clone()) for name, tensor in held.items()}
    needed = {name: tensor.requires_grad for name, tensor in held.items()}
    yield
    for name, tensor in held.items():
        version, values = before[name]
        same = tensor._version == version and torch.equal(tensor.detach(), values)
        require(same, f"{name} is overwritten {when}")
        kept = tensor.requires_grad == needed[name] and not _hooks_of_tensor(tensor)
        require(kept or name == "the image", f"{name} has hooks or a graph, set {when}")


def method_unchanged(method: GradientMethod, case: LayerCase) -> None:
    """The attributes of the method and of its class are unchanged.

    What it keeps from step to step belongs in `forward.state`: elsewhere a resumed run loses it.
    """
    differentiate(method, case)  # what depends on the parameters alone may be computed once
    before = _attributes(method)
    differentiate(method, case, seed=SEED + 1)
    after = _attributes(method)
    changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    require(not changed, f"changed: {', '.join(changed)}")


def _attributes(method: GradientMethod) -> dict[str, Any]:
    own = {f"attribute {n} of the method": _content(v) for n, v in _held(method).items()}
    classes = [each for each in type(method).__mro__ if issubclass(each, GradientMethod)]
    return own | {
        f"attribute {name} of {each.__name__}": _content(value)
        for each in classes
        for name, value in vars(each).items()
        if not name.startswith(("_abc_", "__"))
    }


def _held(method: GradientMethod) -> dict[str, Any]:
    return getattr(method, "__dict__", {})


def _content(value: Any, depth: int = 3) -> Any:
    """What is compared of a value: its identity, and what it holds."""
    if isinstance(value, Tensor):
        return id(value), value._version
    if isinstance(value, dict) and depth:
        return {repr(key): _content(item, depth - 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth:
        return [_content(item, depth - 1) for item in value]
    if isinstance(value, int | float | str | bytes | None):
        return repr(value)
    held = getattr(value, "__dict__", {}) if depth and not callable(value) else {}
    return id(value), {name: _content(item, depth - 1) for name, item in held.items()}


def nothing_left_behind(method: GradientMethod, case: LayerCase) -> None:
    """No hooks and no reference cycles remain.

    A graph in a cycle would stay in memory until the next garbage collection.
    """
    before = _hooks(case)
    gc.disable()
    try:
        result = differentiate(method, case)
        map_alive = weakref.ref(result.layer)
        del result
        require(map_alive() is None, "the map stays in memory, and the graph with it")
    finally:
        gc.enable()
    hooked = [name for name, count in _hooks(case).items() if count != before[name]]
    require(not hooked, f"hooks remain on {', '.join(hooked)}")


def _hooks(case: LayerCase) -> dict[str, int]:
    """The number of hooks on every weight, buffer and module."""
    named = (*case.layer.named_parameters(), *case.layer.named_buffers())
    counts = {name: _hooks_of_tensor(tensor) for name, tensor in named}
    modules = ((name or "layer", module) for name, module in case.layer.named_modules())
    return counts | {name: _hooks_of_module(module) for name, module in modules}


def _hooks_of_tensor(tensor: Tensor) -> int:
    names = ("_backward_hooks", "_post_accumulate_grad_hooks")
    return sum(len(getattr(tensor, name, None) or ()) for name in names)


def _hooks_of_module(module: nn.Module) -> int:
    held = vars(module).items()
    return sum(len(value) for name, value in held if name.endswith("hooks") and value)


def modes_kept(method: GradientMethod, case: LayerCase) -> None:
    """Train/eval modes, weights, buffers and attributes of the layer are unchanged."""
    was_training = case.layer.training
    try:
        for training in (True, False):
            case.layer.train(training)
            before = _modes(case)
            differentiate(method, case)
            after = _modes(case)
            changed = [name for name in {**before, **after} if before.get(name) != after.get(name)]
            require(not changed, f"changed: {', '.join(changed)}")
    finally:
        case.layer.train(was_training)


def _modes(case: LayerCase) -> dict[str, object]:
    modules = [(name or "layer", module) for name, module in case.layer.named_modules()]
    tensors = [*case.layer.named_parameters(), *case.layer.named_buffers()]
    return {
        **{f"train/eval mode of {name}": each.training for name, each in modules},
        **{f"attributes of {name}": _names(each) for name, each in modules},
        **{f"requires_grad of {name}": tensor.requires_grad for name, tensor in tensors},
        **{f"the values of {name}": _values(tensor) for name, tensor in tensors},
    }


def _names(module: nn.Module) -> list[str]:
    tables = (module._parameters, module._buffers, module._modules, vars(module))
    return [f"{name} {id(value)}" for table in tables for name, value in table.items()]


def _values(tensor: Tensor) -> tuple[int, int, bytes]:
    """Its bits too: a change through .data has no version."""
    bits = tensor.detach().cpu().contiguous().reshape(-1).view(torch.uint8)
    return id(tensor), tensor._version, bytes(bits.numpy())
