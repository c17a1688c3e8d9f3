"""The generators that belong to nobody: those that a plug-in may draw from."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import torch


def random_state(device: str) -> dict[str, Any]:
    """The state of the global generators of PyTorch (and of its CUDA device), Python and NumPy."""
    name, keys, *rest = np.random.get_state(legacy=True)
    state = {
        "torch": torch.get_rng_state(),
        "python": random.getstate(),
        "numpy": (name, np.asarray(keys).tolist(), *rest),
    }
    if device.startswith("cuda"):
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state


def restore_random_state(state: dict[str, Any], device: str) -> None:
    """Go back to what `random_state` returned; errors of many types if it is of other shapes."""
    torch.set_rng_state(state["torch"])
    random.setstate(state["python"])
    np.random.set_state(state["numpy"])
    if device.startswith("cuda"):
        torch.cuda.set_rng_state(state["cuda"], device)
