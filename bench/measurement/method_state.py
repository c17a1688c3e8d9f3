"""What is kept from one training step to the next: a method's state, the fixed points."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from torch import Tensor
from torch.utils._pytree import tree_iter, tree_map_only

from bench.measurement.models import TrainedModel

State = dict[str, Any]


@contextmanager
def state_apart(model: TrainedModel) -> Iterator[None]:
    """Work on a copy of what is kept: what is computed inside leaves it as it was.

    Fixed points are replaced and never changed, so that those of all images need no copy.

    Raises ValueError if the state is left with a graph, which would keep every step in memory.
    """
    kept, points = model.method_state, model.fixed_points
    model.method_state = deepcopy(kept)
    model.fixed_points = None if points is None else dict(points)
    try:
        yield
        for name, value in model.method_state.items():
            if any(isinstance(leaf, Tensor) and leaf.requires_grad for leaf in tree_iter(value)):
                raise ValueError(f"forward.state[{name!r}] has an autograd graph: detach it")
    finally:
        model.method_state, model.fixed_points = kept, points


def devices_of(state: Any) -> list[str]:
    """The device of each tensor of a state, in the order in which `on_devices` meets them."""
    return [str(leaf.device) for leaf in tree_iter(state) if isinstance(leaf, Tensor)]


def on_devices(state: Any, devices: list[str]) -> Any:
    """The state with its tensors on the devices that they had before they were stored."""
    where = iter(devices)
    return tree_map_only(Tensor, lambda tensor: tensor.to(next(where)), state)
