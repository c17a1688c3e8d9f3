"""The state of this process that belongs to nobody's method: read, compared and put back."""

from __future__ import annotations

from typing import Any

from bench.contracts.process.functions import FUNCTIONS
from bench.contracts.process.of_python import PYTHON_SWITCHES
from bench.contracts.process.of_torch import TORCH_SWITCHES

State = dict[str, Any]
SWITCHES = (FUNCTIONS, *TORCH_SWITCHES, *PYTHON_SWITCHES)
GENERATORS = ("PyTorch's generator", "NumPy's generator", "Python's generator")


def read_switches() -> State:
    """The value of each switch, by name; equal values compare equal."""
    return {switch.name: switch.read() for switch in SWITCHES}


def changed_switches(before: State, *, first_use: bool = False) -> list[str]:
    """The names of the switches that are not as they were; each is put back where possible.

    first_use: leave out what the import of a library may change.
    """
    changed = []
    for switch in SWITCHES:
        if switch.read() == before[switch.name]:
            continue
        if switch.restore is not None:
            switch.restore(before[switch.name])
        if not (first_use and switch.lazily):
            changed.append(switch.name)
    return changed
