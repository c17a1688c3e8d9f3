"""The state of a training on disk: one safetensors file, written whole and checked when read."""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from methods.training.weights_file import content_key, load_weights, tensor_hash, write_whole

STATE, KEY, DIGEST = "state", "key", "digest"  # in the metadata of the file
State = dict[str, Any]


class CheckpointFile:
    """Keeps a state of nested dictionaries, lists, tuples, tensors, numbers, text and None.

    key: a hash of all that decides the training; a file with another key is not used.
    every_seconds: wall time between two checkpoints; 0: nothing is written.
    An error is one line on stderr: it costs the checkpoint, never the training.
    Nothing is pickled: tensors are stored as such, the rest as JSON in the file's metadata.
    """

    def __init__(self, path: Path, key: str, every_seconds: float = 0.0) -> None:
        self.path, self.key, self.every_seconds = path, key, every_seconds
        # Always the same name, so that a killed process's draft is overwritten, or discarded.
        self._draft = path.with_suffix(".tmp")
        self._last = time.monotonic()
        self._last_warning = ""

    @property
    def due(self) -> bool:
        """Whether it is time to write."""
        return 0 < self.every_seconds <= time.monotonic() - self._last

    def save(self, state: Mapping[str, Any]) -> None:
        """Replace the earlier state by this one; the earlier one stays if writing fails."""
        from safetensors import SafetensorError

        try:
            write_whole(self.path, _to_bytes(state, self.key), self._draft)
            self._last_warning = ""
        except (OSError, SafetensorError, ValueError, TypeError, KeyError) as error:
            self._warn(f"cannot be written: {error}")
        self._last = time.monotonic()

    def load(self) -> State | None:
        """The state, its tensors on the CPU; None unless there is an intact file of this key."""
        if not os.path.exists(self.path):  # unlike Path.exists, for a folder without permission
            return None
        try:
            return _from_file(self.path, self.key)
        except (ValueError, LookupError, TypeError, RecursionError) as error:
            self.refuse(str(error))
            return None

    def refuse(self, reason: str) -> None:
        """Warn that the file is not used, and why."""
        self._warn(f"is ignored, training starts from the beginning: {reason}")

    def discard(self) -> None:
        """Remove the file, and the draft that a killed process may have left."""
        for path in (self.path, self._draft):
            try:
                path.unlink(missing_ok=True)
            except OSError as error:
                self._warn(f"cannot be removed: {error}")

    def _warn(self, text: str) -> None:
        """Warn, but not twice in a row of the same: a disk stays full for many checkpoints."""
        if text != self._last_warning:
            print(f"checkpoint {self.path.name} {text}", file=sys.stderr, flush=True)
        self._last_warning = text


def _to_bytes(state: Mapping[str, Any], key: str) -> bytes:
    from safetensors.torch import save

    tensors: dict[str, Any] = {}
    text = json.dumps(_pack(dict(state), tensors))
    metadata = {STATE: text, KEY: key, DIGEST: _digest(text, tensors)}
    content: bytes = save(tensors, metadata)
    return content


def _from_file(path: Path, key: str) -> State:
    """The state in a file; ValueError, LookupError or TypeError if it is not whole or not ours."""
    found = load_weights(path)
    if found is None:
        raise ValueError("it is damaged")
    tensors, metadata = found
    if metadata.get(KEY) != key:
        raise ValueError("it belongs to another configuration, code or version")
    if metadata.get(DIGEST) != _digest(metadata[STATE], tensors):
        raise ValueError("it is damaged")
    # Copies: those of the file are a view of it, and end with it.
    state = _unpack(json.loads(metadata[STATE]), {n: t.clone() for n, t in tensors.items()})
    if not isinstance(state, dict):
        raise ValueError("it contains no state")
    return state


def _digest(text: str, tensors: Mapping[str, Any]) -> str:
    """A hash of every bit: safetensors has none, and a wrong weight would not be noticed."""
    import torch

    raw = (tensors[name].reshape(-1).view(torch.uint8) for name in sorted(tensors))
    return content_key({"text": text, "tensors": tensor_hash(*raw)})


def _pack(value: Any, tensors: dict[str, Any]) -> Any:
    """The value as JSON, in which a tensor is a name in `tensors`, where a copy of it is put.

    JSON in Python's dialect keeps NaN and infinities, and every float to its last bit; keys that
    are numbers, and tuples, are kept by writing what each container is.
    """
    from torch import Tensor

    if isinstance(value, Tensor):
        name = str(len(tensors))
        tensors[name] = value.detach().cpu().clone().contiguous()
        return {"tensor": name}
    if isinstance(value, dict):
        return {"dict": [[key, _pack(item, tensors)] for key, item in value.items()]}
    if isinstance(value, tuple):
        return {"tuple": [_pack(item, tensors) for item in value]}
    if isinstance(value, list):
        return [_pack(item, tensors) for item in value]
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise ValueError(f"a value of type {type(value).__name__} cannot be stored")


def _unpack(packed: Any, tensors: Mapping[str, Any]) -> Any:
    """The inverse of `_pack`; ValueError, LookupError or TypeError for what it cannot have made."""
    if isinstance(packed, list):
        return [_unpack(item, tensors) for item in packed]
    if not isinstance(packed, dict):
        return packed
    ((kind, content),) = packed.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _unpack(item, tensors) for key, item in content}
    if kind == "tuple":
        return tuple(_unpack(item, tensors) for item in content)
    raise ValueError(f"unknown kind {kind!r}")
