"""What an experiment ran on: machine, library versions and commit, without importing torch."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import re
import subprocess
from collections.abc import Iterable
from functools import cache
from pathlib import Path

import psutil

from bench import __version__
from bench.machine.processor import processor

# Those that a number of a run may depend on, and those that only read or write.
DECISIVE = ("torch", "torchvision", "deepinv", "torchdeq", "numpy", "scikit-image")
LIBRARIES = (*DECISIVE, "hydra-core", "pandas")
NVIDIA_VERSION = Path("/proc/driver/nvidia/version")


@cache
def decisive_versions() -> str:
    """Python, this suite and the libraries that decide a run's numbers: a JSON object as text."""
    return json.dumps(library_versions(DECISIVE))


def device_name(device: str) -> str:
    """The model of the GPU or of the processor that a run on `device` uses; imports no torch."""
    if device.startswith("cuda"):
        return ", ".join(dict.fromkeys(_gpu_names())) or "unknown GPU"
    return processor()["processor"]


def describe_machine() -> dict[str, object]:
    """Platform, processor, its physical and logical cores, memory in bytes, and GPUs if any.

    The processor's flags come last: they are a line of a thousand characters.
    """
    fields = processor()
    return {
        "platform": platform.platform(),
        "cpu": fields["processor"],
        "cores": psutil.cpu_count(logical=False),
        "logical_cores": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        **({"gpu": ", ".join(gpus)} if (gpus := _gpu_names()) else {}),
        **{name: value for name, value in fields.items() if name != "processor"},
    }


def gpu_driver() -> str:
    """The version of NVIDIA's driver, "" without one."""
    try:
        text = NVIDIA_VERSION.read_text(encoding="utf-8")
    except OSError:
        return ""
    found = re.search(r"\s(\d+\.[\d.]+)\s", text)
    return found[1] if found else ""


def _gpu_names() -> list[str]:
    """The models of the NVIDIA GPUs, as their driver tells them."""
    names = []
    for path in sorted(Path("/proc/driver/nvidia/gpus").glob("*/information")):
        for line in path.read_text(encoding="utf-8").splitlines():
            if line.startswith("Model:"):
                names.append(line.split(":", 1)[1].strip())
    return names


def library_versions(names: Iterable[str] = LIBRARIES) -> dict[str, str | None]:
    """The installed version of Python, this suite and each library; None where it is missing."""
    own = {"python": platform.python_version(), "implicit-bench": __version__}
    return own | {name: _installed_version(name) for name in names}


def _installed_version(distribution: str) -> str | None:
    try:
        return importlib.metadata.version(distribution)
    except importlib.metadata.PackageNotFoundError:
        return None


def git_commit() -> str | None:
    """The commit of this suite's own checkout, with `-dirty` if it was changed, or None."""
    checkout = Path(__file__).resolve().parents[2]
    # An installed copy inside somebody else's repository must not report their commit.
    if not (checkout / ".git").exists():
        return None
    commit = _git(checkout, "rev-parse", "HEAD")
    if commit is None:
        return None
    return f"{commit}-dirty" if _git(checkout, "status", "--porcelain", "-uno") else commit


def _git(folder: Path, *arguments: str) -> str | None:
    command = ["git", "-C", str(folder), *arguments]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return done.stdout.strip()
