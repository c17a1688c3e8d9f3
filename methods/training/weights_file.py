"""Weights on disk, in a cache: written whole or not at all, and checked when read."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor, nn


def content_key(decisive: Mapping[str, Any]) -> str:
    """20 hexadecimal digits of the hash of everything that determines the weights."""
    return hashlib.sha256(json.dumps(decisive, sort_keys=True).encode()).hexdigest()[:20]


def tensor_hash(*tensors: Tensor) -> str:
    """A hash of the shapes and the values of tensors."""
    digest = hashlib.sha256()
    for tensor in tensors:
        digest.update(str(tuple(tensor.shape)).encode())
        digest.update(tensor.detach().cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()


def load_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]] | None:
    """The tensors by name, on the CPU, and the metadata; None if missing or damaged."""
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
    """Write the file whole or not at all: a reader never sees half a file."""
    from safetensors import SafetensorError
    from safetensors.torch import save

    state = {name: value.detach().contiguous() for name, value in tensors.items()}
    # A cache that cannot be written costs time, not the run.
    with suppress(OSError, SafetensorError):
        content = save(state, metadata=dict(metadata or {}))
        write_whole(path, content, draft=path.with_suffix(f".{os.getpid()}.tmp"))


def save_trained(path: Path, model: nn.Module, seconds: float) -> None:
    """Write the weights of a model, with the seconds that its training took."""
    save_weights(path, model.state_dict(), {"train_seconds": repr(seconds)})


def load_trained(path: Path, model: nn.Module) -> float | None:
    """Load the weights into the model; their training seconds, or None if there are none."""
    found = load_weights(path)
    if found is None:
        return None
    tensors, metadata = found
    try:
        model.load_state_dict(tensors)
        return float(metadata["train_seconds"])
    except (RuntimeError, KeyError, ValueError):
        return None


def write_whole(path: Path, content: bytes, draft: Path) -> None:
    """Write to `draft`, then rename it to `path`; OSError, with no draft left, if that fails."""
    path.parent.mkdir(parents=True, exist_ok=True)
    draft.unlink(missing_ok=True)
    try:
        with draft.open("xb") as file:  # follows no link that someone put there
            file.write(content)
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise
