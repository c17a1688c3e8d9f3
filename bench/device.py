"""The device that the runs use."""

from __future__ import annotations

import re

from bench.errors import UserError, unknown_name

DEVICES = ("auto", "cpu", "cuda")


def resolve_device(name: str) -> str:
    """`auto`, `cpu`, `cuda` or `cuda:N` as the device to use; raises UserError if it is missing.

    torch is imported (2 s) for all but `cpu`: only torch knows whether it can use the GPU.
    """
    if name == "cpu":
        return name
    if name not in DEVICES and not re.fullmatch(r"cuda:\d{1,3}", name):
        raise unknown_name("device", name, DEVICES)
    count = _cuda_devices()
    if name == "auto":
        return "cuda" if count else "cpu"
    if count == 0:
        raise UserError(f"device {name!r}: CUDA is not available here (use --device cpu)")
    if name != "cuda" and int(name.split(":")[1]) >= count:
        raise UserError(f"device {name!r}: there are {count} CUDA devices, counted from 0")
    return name


def _cuda_devices() -> int:
    import torch

    return torch.cuda.device_count() if torch.cuda.is_available() else 0
