"""The device that the runs use."""

from __future__ import annotations

import ctypes
import re
import sys
from pathlib import Path

from bench.errors import UserError, unknown_name

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> str:
    """`auto`, `cpu`, `cuda` or `cuda:N` as the device to use; raises UserError if it is missing.

    torch, which alone knows whether it can use the GPU, is imported (2 s) where there is a driver.
    """
    if name == "cpu" or (name == "auto" and not _has_driver()):
        return "cpu"
    if name not in DEVICES and not re.fullmatch(r"cuda:\d{1,3}", name):
        raise unknown_name("device", name, DEVICES)
    count = _cuda_devices()
    if name == "auto":
        return "cuda" if count else "cpu"
    if count == 0:
        raise UserError(
            f"device {name!r}: CUDA is not available on this machine (use --device cpu)"
        )
    if name != "cuda" and int(name.split(":")[1]) >= count:
        known = "cuda:0 is" if count == 1 else f"cuda:0 to cuda:{count - 1} are"
        raise UserError(f"device {name!r}: only {known} available")
    return name


def _has_driver() -> bool:
    """Whether a driver of NVIDIA or AMD is there, without which torch finds no device."""
    if sys.platform != "linux" or Path("/dev/kfd").exists():
        return True
    try:
        ctypes.CDLL("libcuda.so.1")
    except OSError:
        return False
    return True


def _cuda_devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
