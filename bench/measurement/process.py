"""What makes the time of a computation repeatable in this process."""

from __future__ import annotations

import ctypes
import sys

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
    if sys.platform == "linux":
        _keep_freed_memory()


def _keep_freed_memory() -> None:
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries may lack it
    if mallopt is not None:
        mallopt(M_MMAP_THRESHOLD, NEVER)
        mallopt(M_TRIM_THRESHOLD, NEVER)
