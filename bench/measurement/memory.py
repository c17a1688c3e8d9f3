"""Peak memory of a piece of work, measured in a pass of its own that is not timed.

On CUDA it is the allocator's peak above what was allocated before; on a CPU the peak of the bytes
of live tensors above what was live before. The second does not count the workspace inside a
kernel; the first does where a library takes it from the same allocator, as cuDNN does.
"""

from __future__ import annotations

import math
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


@dataclass(frozen=True)
class PeakMemory:
    """The peak in bytes above the baseline, and how it was measured.

    source: "cuda_allocator" or "live_tensors"; on CUDA alone, baseline: bytes allocated before;
    reserved: the most that the allocator held of the GPU, the baseline included.
    """

    bytes: int
    source: str
    baseline: float = math.nan
    reserved: float = math.nan


def measure_peak(work: Callable[[], object], device: str) -> PeakMemory:
    """Run `work` once and return its peak above what was in use before it."""
    if device.startswith("cuda"):
        return _cuda_peak(work, device)
    with LiveTensorBytes() as live:
        work()
    return PeakMemory(live.peak, "live_tensors")


def _cuda_peak(work: Callable[[], object], device: str) -> PeakMemory:
    torch.cuda.synchronize(device)
    torch.cuda.empty_cache()  # what training left reserved is not this work's
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    work()
    torch.cuda.synchronize(device)
    return PeakMemory(
        torch.cuda.max_memory_allocated(device) - before,
        "cuda_allocator",
        float(before),
        float(torch.cuda.max_memory_reserved(device)),
    )


class LiveTensorBytes(TorchDispatchMode):
    """Counts the bytes of the storages made while it is active, until each is freed.

    current, peak: bytes. A storage is counted once, however many tensors view it; one that
    existed before and is only viewed or written in place is not counted.
    """

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.current = 0
        self.peak = 0
        self._alive: dict[int, Any] = {}  # address of a storage's data -> its finaliser

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        """Run one operator and count the storages that are new in what it returns."""
        known = {_address(leaf) for leaf in tree_leaves((args, kwargs)) if isinstance(leaf, Tensor)}
        result = func(*args, **(kwargs or {}))
        for leaf in tree_leaves(result):
            if isinstance(leaf, Tensor) and _address(leaf) not in known:
                self._count(leaf.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        address, size = storage.data_ptr(), storage.nbytes()
        if size == 0 or address in self._alive:
            return
        # A storage keeps its Python object alive until its memory is freed, autograd included.
        self._alive[address] = weakref.finalize(storage, self._free, address, size)
        self.current += size
        self.peak = max(self.peak, self.current)

    def _free(self, address: int, size: int) -> None:
        del self._alive[address]
        self.current -= size


def _address(tensor: Tensor) -> int:
    return tensor.untyped_storage().data_ptr()
