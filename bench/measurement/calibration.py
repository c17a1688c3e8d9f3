"""How fast this machine is at this moment: one fixed piece of work, timed before and after a run.

Two runs whose calibrations differ were not made under equal conditions.
"""

from __future__ import annotations

import math
import statistics
import time
from collections.abc import Callable

import torch

from bench.measurement.clock import synchronise
from bench.measurement.failure import OutOfTime
from bench.measurement.probe import numbers

SECONDS = 0.2  # of timing
STEPS = 4  # of one repetition
BATCH, SIZE, FEATURES = 8, 32, 16


@torch.enable_grad()
def calibrate(device: str) -> float:
    """The median seconds of one repetition: some steps like those of training a small layer.

    The work is the same whatever is run. It takes about a fifth of a second, with the threads that
    are set, and draws from no generator.
    """
    step = _step(device)
    _seconds(step, device)  # dropped: the libraries prepare themselves
    times: list[float] = []
    while sum(times) < SECONDS:
        times.append(_seconds(step, device))
    return statistics.median(times)


def calibrate_after(device: str) -> float:
    """As `calibrate`; NaN where a run has left a process that cannot even do this."""
    try:
        return calibrate(device)
    except (Exception, OutOfTime):  # a GPU without memory, no time left: the record is kept
        return math.nan


def _seconds(step: Callable[[], object], device: str) -> float:
    # Longer than the slices of time in which processes take turns on a core. Another one that took
    # a fifth of it, 3 ms at a time, made the median of single steps 4 % longer, and that of four
    # steps 30 %.
    synchronise(device)
    started = time.perf_counter()
    for _ in range(STEPS):
        step()
    synchronise(device)
    return time.perf_counter() - started


def _step(device: str) -> Callable[[], object]:
    """A step: two convolutions and their gradients, and a blur in the Fourier domain."""
    observed = numbers(device, BATCH, 1, SIZE, SIZE)
    first = numbers(device, FEATURES, 1, 3, 3).requires_grad_()
    last = numbers(device, 1, FEATURES, 3, 3).requires_grad_()
    spectrum = torch.fft.rfft2(numbers(device, SIZE, SIZE))

    def step() -> object:
        hidden = torch.nn.functional.conv2d(observed, first, padding=1)
        image = torch.nn.functional.conv2d(hidden.tanh(), last, padding=1)
        blurred = torch.fft.irfft2(spectrum * torch.fft.rfft2(image))
        return torch.autograd.grad((blurred - observed).square().mean(), (first, last))

    return step
