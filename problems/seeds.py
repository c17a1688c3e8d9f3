"""Random streams split by purpose, so that a change of one leaves the others unchanged."""

from __future__ import annotations

import hashlib

PURPOSES = (
    *("kernel", "mask", "weights", "order", "denoiser"),
    *("train_crops", "validation_crops", "test_crops"),
    *("train_noise", "validation_noise", "test_noise", "picture_noise"),
)


def derive_seed(seed: int, purpose: str) -> int:
    """The seed of one stream (63 bits) from the seed of the run; ValueError for a new purpose."""
    if purpose not in PURPOSES:
        raise ValueError(f"unknown purpose {purpose!r}: choose from {', '.join(PURPOSES)}")
    digest = hashlib.sha256(f"{purpose}:{seed}".encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1
