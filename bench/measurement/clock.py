"""The training clock: wall and processor seconds of the phases that count, and of no others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

import torch

PHASES = ("data", "forward", "backward", "optimiser")


class Clock:
    """Adds up the time spent in each phase; a GPU is synchronised at both ends of a phase only.

    phases: wall seconds by name; cpu_seconds: processor seconds of all of them.
    """

    def __init__(self, device: str) -> None:
        self.device = device
        self.phases: dict[str, float] = {}
        self.cpu_seconds = 0.0

    @property
    def seconds(self) -> float:
        """The wall seconds of all phases together."""
        return sum(self.phases.values())

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the time of the block as part of this phase; nothing is counted if it raises."""
        synchronise(self.device)
        wall, cpu = time.perf_counter(), time.process_time()
        yield
        synchronise(self.device)
        self.phases[name] = self.phases.get(name, 0.0) + time.perf_counter() - wall
        self.cpu_seconds += time.process_time() - cpu


def synchronise(device: str) -> None:
    """Wait until a GPU has done what it was given; a CPU has already."""
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)
