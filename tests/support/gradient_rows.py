"""Synthetic measurements of gradients, by laws from which tests know what figures must show."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path

from bench.records import write_experiment, write_gradients

TOLERANCES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
BUDGETS = {
    "ift": ("max_iterations", (1, 5, 20), 20),
    "phantom": ("steps", (1, 5, 10), 5),
    "unrolling": ("steps", (5, 20, 50), 20),
}
MEBIBYTE = 2**20


def row(
    method: str = "jfb",
    budget: int | None = None,
    *,
    seed: int = 0,
    size: int = 32,
    state: str = "initial",
    tolerance: float | None = 1e-4,
    **changes: object,
) -> dict[str, object]:
    """One completed measurement: error 1 / budget, at least the tolerance; seed s adds s ms."""
    spent = budget or 1
    parameters = {BUDGETS[method][0]: budget} if budget else {}
    error = max(1 / spent, tolerance or 0.0)
    measured: dict[str, object] = {
        "problem": "motion",
        "size": size,
        "layer": "degrad",
        "method": method,
        "method_params": json.dumps(parameters),
        "seed": seed,
        "state": state,
        "tolerance": tolerance,
        "cosine": 1 - error / 2,
        "relative_error": error,
        "norm_ratio": 1 - error / 3,
        "forward_seconds": 1e-5 * size**2 / 10,
        "backward_seconds": 1e-6 * size**2 * spent + 1e-3 * seed,
        "forward_evaluations": spent if tolerance is None else -4 * round(10 * tolerance) + 50,
        "vjps": spent,
        "peak_memory_bytes": MEBIBYTE * (spent if tolerance is None else 2),
        "peak_memory_source": "live_tensors",
        "status": "completed",
        "forward_converged_fraction": 1.0,
        "batch_size": 8,
        "device": "cpu",
        "num_threads": 1,
    }
    return {**measured, **changes}


def study_rows(
    methods: Iterable[str] = ("jfb", "ift", "phantom", "unrolling"),
    *,
    sizes: Sequence[int] = (16, 32),
    seeds: int = 2,
    states: Sequence[str] = ("initial", "trained"),
) -> list[dict[str, object]]:
    """Every method over its budgets and the tolerances; unrolling at none."""
    rows = []
    for size in sizes:
        for seed in range(seeds):
            for state in states:
                for method in methods:
                    tolerances = (None,) if method == "unrolling" else TOLERANCES
                    for budget in BUDGETS.get(method, ("", (None,), 0))[1]:
                        at = {"seed": seed, "size": size, "state": state}
                        rows += [row(method, budget, tolerance=t, **at) for t in tolerances]  # type: ignore[arg-type]
    return rows


def experiment(methods: Iterable[str] = BUDGETS) -> dict[str, object]:
    """What experiment.yaml says of a study in which these methods were swept by default."""
    budgets = {
        method: {
            "parameter": BUDGETS[method][0],
            "default": json.dumps({BUDGETS[method][0]: BUDGETS[method][2]}),
        }
        for method in methods
    }
    return {"commit": "0123abc", "gradients": {"usual_tolerance": 1e-4, "budgets": budgets}}


def write_study(folder: Path, rows: Iterable[dict[str, object]] | None = None) -> Path:
    """Write a results folder with measurements and no runs, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    write_experiment(folder / "experiment.yaml", experiment())
    write_gradients(folder, study_rows() if rows is None else rows)
    return folder
