"""What is known of a run before it is made."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from bench.registry import METHODS


def identity(run_id: str, plain: Mapping[str, Any], config_hash: str) -> dict[str, object]:
    """The columns of a record that are known before anything is run."""
    problem, method = plain["problem"], plain["method"]
    return {
        "run_id": run_id,
        "problem": problem["name"],
        "size": problem["parameters"].get("size", 0),
        "noise_sigma": problem["parameters"].get("noise_sigma"),
        "layer": plain["layer"]["name"] if plain["layer"] else "",
        "method": method["name"],
        "method_params": json.dumps(method["parameters"], sort_keys=True),
        "family": METHODS.get(method["name"]).family,
        "seed": plain["seed"],
        "device": plain["device"],
        "num_threads": float(plain["num_threads"]),
        "config_hash": config_hash,
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
