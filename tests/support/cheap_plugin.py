"""A plug-in: one convolution on random pixels, and faults that it can be told to have."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from dataclasses import dataclass

import numpy as np
import torch

from bench.registry import register_images, register_method
from methods.base import FeedForwardMethod
from problems.images.base import ImageSource


@register_images("pixels")
@dataclass(frozen=True)
class Pixels(ImageSource):
    """Random pixels."""

    def split(self, channels):
        return ("none",), ("none",), ("none",)

    def crops(self, part, count, size, channels, seed):
        return np.random.default_rng(seed).random((count, channels, size, size), np.float32)


def wait(seconds):
    if not os.path.exists(os.environ.get("GO_ON", "")):
        time.sleep(seconds)


def fail():
    if not os.path.exists(os.environ.get("GO_ON", "")):
        raise ValueError("a fault")


def hang_with_company():
    company = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    with open(os.environ["COMPANY"], "w") as file:
        file.write(str(company.pid))
    time.sleep(600)


def jump():
    jumped, real = iter(range(10**6)), time.time
    time.time = lambda: real() + (-1) ** next(jumped) * 1e5 * next(jumped)


FAULTS = {
    "": lambda: None,
    "slow": lambda: wait(600),
    "pause": lambda: time.sleep(0.3),
    "hang": hang_with_company,
    "jump": jump,
    "memory": lambda: torch.ones(2**33),
    "fail": fail,
}


@register_method("cheap")
@dataclass(frozen=True)
class Cheap(FeedForwardMethod):
    """One convolution."""

    fault: str = ""

    def network(self, channels):
        if path := os.environ.get("MADE"):
            with open(path, "a") as file:
                file.write(f"{os.getpid()}\n")
        FAULTS[self.fault]()
        return torch.nn.Conv2d(channels, channels, 3, padding=1)
