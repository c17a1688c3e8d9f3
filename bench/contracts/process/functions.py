"""The functions of PyTorch, NumPy, Python and this suite, which a method might replace."""

from __future__ import annotations

import builtins
import math
import os
import random
import sys
import time
from collections.abc import Iterator
from typing import Any

import numpy as np
import torch

from bench.contracts.process.switch import Switch


def _owners() -> Iterator[tuple[str, Any]]:
    """The modules and classes whose functions a method might replace."""
    yield from (
        *(("torch", torch), ("torch.Tensor", torch.Tensor), ("torch.autograd", torch.autograd)),
        *(("torch.linalg", torch.linalg), ("torch.fft", torch.fft), ("torch.func", torch.func)),
        *(("torch.nn.functional", torch.nn.functional), ("torch.nn.Module", torch.nn.Module)),
        *(("torch.autograd.Function", torch.autograd.Function), ("numpy", np)),
        *(("random", random), ("math", math), ("time", time), ("os", os), ("builtins", builtins)),
        ("torch.optim.Optimizer", torch.optim.Optimizer),
    )
    for name, module in [*sys.modules.items()]:
        if name.split(".")[0] in ("bench", "methods", "problems"):
            yield name, module
            for label, value in [*vars(module).items()]:
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{label}", value


def _functions() -> dict[str, Any]:
    """Every function and class of the owners, by its full name."""
    return {
        f"{owner}.{name}": value
        for owner, held in _owners()
        for name, value in [*vars(held).items()]
        if (owner, name) != ("torch", "Storage")  # which follows the default dtype
        and (callable(value) or isinstance(value, property | classmethod | staticmethod))
    }


class _Functions:
    """Equal to another if no function that both know was replaced."""

    def __init__(self) -> None:
        self.known = _functions()

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, _Functions):
            return NotImplemented
        shared = self.known.keys() & other.known.keys()
        return all(self.known[name] is other.known[name] for name in shared)

    __hash__ = None  # type: ignore[assignment]


def _restore_functions(before: _Functions) -> None:
    for owner, held in _owners():
        for name in [*vars(held)]:
            old = before.known.get(f"{owner}.{name}")
            if old is not None and vars(held)[name] is not old:
                setattr(held, name, old)


FUNCTIONS = Switch(
    "functions of PyTorch, NumPy, Python or this suite", _Functions, _restore_functions
)
