"""On which machine a run is made: what only the process that makes it can tell, and the columns."""

from __future__ import annotations

import json
import re

import torch

from bench.machine.identity import fingerprint, machine_identity
from bench.measurement.probe import numerical_probe


def identify(device: str, num_threads: int) -> dict[str, object]:
    """The identity of the machine to this process, with the numerical probe under "probe".

    The threads are those of the run, and settled.
    """
    measured = {**_libraries(device), "probe": numerical_probe(device)}
    return machine_identity(device, num_threads, measured)


def machine_columns(device: str, num_threads: int) -> dict[str, str]:
    """The columns `machine_identity` (a JSON object) and `fingerprint` of a record."""
    identity = identify(device, num_threads)
    return {"machine_identity": json.dumps(identity), "fingerprint": fingerprint(identity)}


def _libraries(device: str) -> dict[str, str]:
    """What PyTorch computes with here; what it does not use is ""."""
    build = torch.__config__.show()
    on_gpu = device.startswith("cuda")
    return {
        "blas": _blas(build),
        "lapack": _found(r"\bLAPACK_INFO=(\w+)", build),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "gpu": torch.cuda.get_device_name(device) if on_gpu else "",
        "cuda": str(torch.version.cuda or "") if on_gpu else "",
        "cudnn": str(torch.backends.cudnn.version() or "") if on_gpu else "",
    }


def _blas(build: str) -> str:
    """`mkl 2024.2`, or the name alone of a library whose version PyTorch does not tell."""
    name = _found(r"\bBLAS_INFO=(\w+)", build)
    version = _found(r"Math Kernel Library Version ([\d.]+)", build)
    return f"{name} {version}".strip()


def _found(pattern: str, text: str) -> str:
    match = re.search(pattern, text)
    return match[1] if match else ""
