from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from methods.training.one_cycle import OneCycleAdam


def rates(steps: int) -> list[float]:
    """The learning rate of each step."""
    network = nn.Linear(1, 1)
    optimiser = OneCycleAdam(network, 1.0, steps)
    seen = []
    for _ in range(steps):
        (group,) = optimiser.state()["adam"]["param_groups"]
        seen.append(group["lr"])
        optimiser.zero_grad()
        network(torch.ones(1, 1)).sum().backward()
        optimiser.step()
    return seen


@pytest.mark.parametrize("steps", [1, 2, 9, 10, 11, 20, 30])
def test_rate_rises_for_a_tenth_of_the_steps_and_falls_to_nothing(steps: int) -> None:
    """With any number of steps: PyTorch's schedule fails where the rise is of exactly one."""
    seen = rates(steps)
    top = max(range(steps), key=seen.__getitem__)
    assert top == max(math.ceil(steps / 10 - 1), 0)
    assert seen[top:] == sorted(seen[top:], reverse=True)
    assert seen[: top + 1] == sorted(seen[: top + 1])
    assert 0 < seen[-1] <= 1
    assert steps < 2 or seen[-1] < 1e-4
