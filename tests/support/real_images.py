"""Where real images are, for the tests and measurements that want them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

REPOSITORY = Path(__file__).resolve().parents[2]


def real_images(name: str) -> Path:
    """$IMPLICIT_BENCH_<NAME>, or the data folder beside the repository; skips where neither is."""
    variable = f"IMPLICIT_BENCH_{name.upper()}"
    given = os.environ.get(variable)
    folder = Path(given) if given else REPOSITORY.parent / "shared" / "data" / name
    if not folder.is_dir():
        pytest.skip(f"{name}: set {variable} to a folder of these images")
    return folder
