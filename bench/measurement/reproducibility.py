"""What makes a computation repeatable in this process, its numbers and its time."""

from __future__ import annotations

import ctypes
import random
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
import torch

M_MMAP_THRESHOLD, M_TRIM_THRESHOLD = -3, -1  # parameters of glibc's mallopt
NEVER = 2**31 - 1


def settle_process(num_threads: int) -> None:
    """Fix the number of threads, flush denormals, and keep freed memory in the process.

    glibc hands tensors of more than 128 KiB back to the system when they are freed, until it has
    learnt better; the page faults of getting them again made an evaluation at 64 pixels take 2 to
    9 ms, at the whim of what had run before.
    """
    torch.set_num_threads(num_threads)
    torch.set_flush_denormal(True)
    # Other C libraries than glibc may lack it.
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None) if sys.platform == "linux" else None
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, NEVER)
        mallopt(M_TRIM_THRESHOLD, NEVER)


def seed_generators(seed: int) -> None:
    """Seed the global generators of PyTorch (all devices), Python and NumPy."""
    torch.manual_seed(seed)
    random.seed(seed)
    np.random.seed(seed % 2**32)


@contextmanager
def generators_kept(device: str = "cpu") -> Iterator[None]:
    """Put the global generators back to their state before; what is drawn inside goes unnoticed."""
    state = random_state(device)
    try:
        yield
    finally:
        restore_random_state(state, device)


def random_state(device: str) -> dict[str, Any]:
    """The state of the global generators of PyTorch (and of its CUDA device), Python and NumPy.

    They belong to nobody: a plug-in may draw from them.
    """
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
