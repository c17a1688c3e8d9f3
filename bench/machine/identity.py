"""Which machine it is that computes and is timed: times of two machines are not compared."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping

from bench.machine.description import decisive_versions, gpu_driver
from bench.machine.processor import processor


def machine_identity(
    device: str, num_threads: int, measured: Mapping[str, object]
) -> dict[str, object]:
    """All that decides how fast and to which last bits runs on `device` compute.

    measured: what only the process that computes can tell. The processor's flags are a hash. What
    cannot be read is "".
    """
    fields = processor()
    versions = json.loads(decisive_versions())
    return {
        **fields,
        "flags": digest(fields["flags"]) if fields["flags"] else "",
        "device": device.split(":")[0],
        "num_threads": num_threads,
        "driver": gpu_driver() if device.startswith("cuda") else "",
        **{name: version or "" for name, version in versions.items()},
        **measured,
    }


def fingerprint(identity: Mapping[str, object]) -> str:
    """12 hexadecimal digits that change with any part of the identity."""
    return digest(json.dumps(identity, sort_keys=True))


def digest(text: str) -> str:
    """12 hexadecimal digits of the SHA-256 of a text."""
    return hashlib.sha256(text.encode()).hexdigest()[:12]
