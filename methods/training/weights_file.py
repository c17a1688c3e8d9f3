"""Weights on disk, in a cache: written whole or not at all, and read back with suspicion."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from torch import Tensor


def content_key(decisive: Mapping[str, Any]) -> str:
    """20 hexadecimal digits of the hash of everything that decides the weights."""
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:20]


def tensor_hash(*tensors: Tensor) -> str:
    """A hash of the shapes and the values of tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """The tensors by name, on the CPU, and the metadata; None if missing or not whole."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            return tensors, dict(file.metadata() or {})
    except (OSError, SafetensorError, ValueError):
        return None


def save_weights(
    path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str] | None = None
) -> None:
    """Write to a temporary file, then rename: a reader never sees half a file."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {name: value.detach().contiguous() for name, value in tensors.items()}
    temporary = path.with_suffix(f".{os.getpid()}.tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        save_file(state, temporary, metadata=dict(metadata or {}))
        os.replace(temporary, path)
    except (OSError, SafetensorError):  # a cache that cannot be written costs time, not the run
        with suppress(OSError):
            temporary.unlink()
