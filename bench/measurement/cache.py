"""The folder for what is expensive to make and is found again by its content."""

from __future__ import annotations

import os
from pathlib import Path


def cache_folder() -> Path:
    """$IMPLICIT_BENCH_CACHE, or implicit-bench in the user's cache folder."""
    if own := os.environ.get("IMPLICIT_BENCH_CACHE"):
        return Path(own)
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "implicit-bench"
