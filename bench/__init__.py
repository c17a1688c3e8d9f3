"""A benchmark of the gradient methods of implicit networks, on image deblurring."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bench.api import run
    from bench.records import load_results
    from bench.registry import (
        register_callback,
        register_images,
        register_layer,
        register_method,
        register_network,
        register_problem,
    )

__version__ = "0.1.0"

__all__ = [
    "load_results",
    "register_callback",
    "register_images",
    "register_layer",
    "register_method",
    "register_network",
    "register_problem",
    "run",
]
_HOMES = {"load_results": "bench.records", "run": "bench.api"}


def __getattr__(name: str) -> Any:
    # Looked up on first use: `import bench`, and with it `--help`, must not wait for pandas.
    if name not in __all__:
        raise AttributeError(f"module 'bench' has no attribute {name!r}")
    return getattr(importlib.import_module(_HOMES.get(name, "bench.registry")), name)
