"""Adam with a one-cycle learning rate, by which every network here is trained."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn

WARM_UP_FRACTION = 0.1  # of the steps, over which the learning rate rises


class OneCycleAdam:
    """Adam (Kingma and Ba, ICLR 2015) on the weights of a network, for a given number of steps.

    learning_rate: the largest of the cycle (Smith and Topin, 2019).
    """

    def __init__(self, network: nn.Module, learning_rate: float, steps: int) -> None:
        self._network = network
        self._adam = torch.optim.Adam(network.parameters(), lr=learning_rate)
        rise = WARM_UP_FRACTION
        if steps * rise == 1:  # PyTorch would divide by the length of the rise, which is zero
            rise = math.nextafter(rise, 0)
        self._schedule = torch.optim.lr_scheduler.OneCycleLR(
            self._adam, learning_rate, total_steps=steps, pct_start=rise
        )

    def zero_grad(self) -> None:
        """Clear the gradients of the last step."""
        self._adam.zero_grad()

    def step(self) -> None:
        """Update the weights, then the learning rate."""
        self._adam.step()
        self._schedule.step()

    def state(self) -> dict[str, Any]:
        """What determines further steps: weights, buffers, moments, learning rate, momentum.

        The tensors are those in use, not copies.
        """
        return {
            "network": dict(self._network.state_dict()),
            "adam": self._adam.state_dict(),
            "schedule": self._schedule.state_dict(),
        }

    def check(self, state: Mapping[str, Any]) -> None:
        """Raise ValueError or LookupError if a name, shape or type is not that of this network."""
        adam, own = state["adam"], self.state()
        _check_alike("the network", state["network"], own["network"])
        _check_alike("the schedule", state["schedule"], own["schedule"])
        (group,), (own_group,) = adam["param_groups"], own["adam"]["param_groups"]
        _check_alike("the optimiser", group, own_group)
        parameters = list(self._network.parameters())
        for index, moments in adam["state"].items():
            parameter = parameters[index]  # LookupError for one that the network has not
            for name, value in moments.items():
                if value.ndim and _kind(value) != _kind(parameter):
                    raise ValueError(f"the optimiser: {name} has a different shape or type")

    def restore(self, state: Mapping[str, Any]) -> None:
        """Return to a state that `check` has accepted."""
        self._network.load_state_dict(state["network"])
        self._adam.load_state_dict(state["adam"])
        self._schedule.load_state_dict(state["schedule"])


def _check_alike(what: str, stored: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    """ValueError unless both have the same names, and values of the same type (tensors: shape)."""
    if stored.keys() != own.keys():
        raise ValueError(f"{what} has different entries: {sorted(stored.keys() ^ own.keys())[0]}")
    for name, value in own.items():
        if _kind(stored[name]) != _kind(value):
            raise ValueError(f"{what}: {name} has a different shape or type")


def _kind(value: object) -> object:
    return (value.shape, value.dtype) if isinstance(value, Tensor) else type(value)
