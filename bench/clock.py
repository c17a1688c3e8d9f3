"""The training clock: wall and processor seconds of the phases that count, and of no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch


class Clock:
    """Adds up the time spent inside `running()`; a GPU is synchronised at both ends."""

    def __init__(self, device: str) -> None:
        self._cuda = torch.device(device) if device.startswith("cuda") else None
        self.seconds = 0.0
        self.cpu_seconds = 0.0

    @contextmanager
    def running(self) -> Iterator[None]:
        """Count the time of the block; nothing is counted if it raises."""
        self._synchronise()
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        self._synchronise()
        self.seconds += time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu

    def _synchronise(self) -> None:
        if self._cuda is not None:
            torch.cuda.synchronize(self._cuda)
