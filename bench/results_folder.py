"""The folder of an experiment: its name, whether it may be written to, and `experiment.yaml`."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.grid import RunSpec, config_hash
from bench.machine import describe_machine, git_commit, library_versions
from bench.records import (
    CONFIGURATIONS,
    Plan,
    read_experiment,
    write_experiment,
    write_plan,
)

EXPERIMENT_FILE = "experiment.yaml"


def default_folder(*words: str) -> Path:
    """results/<words>-<local time>, below the current directory."""
    safe = ("".join(c if c.isalnum() else "_" for c in word) for word in words)
    return Path("results") / "-".join([*safe, f"{datetime.now():%Y%m%d-%H%M%S}"])


def experiment_hash(specs: Sequence[RunSpec]) -> str:
    """12 hexadecimal digits that change with any run of the grid, but not with their order."""
    hashes = sorted(spec.config_hash for spec in specs)
    return hashlib.sha256("\n".join(hashes).encode()).hexdigest()[:12]


def prepare_folder(folder: Path, specs: Sequence[RunSpec], request: dict[str, Any]) -> None:
    """Make the folder of a grid of runs, write its experiment.yaml and plan; see `claim_folder`."""
    plan = plan_of_grid(specs)
    claim_folder(folder, experiment_hash(specs), request, {CONFIGURATIONS: plan.configurations})
    write_plan(folder, plan)


def plan_of_grid(specs: Sequence[RunSpec]) -> Plan:
    """The plan of a grid of runs: those that differ in the seed alone share a configuration."""
    plan = Plan()
    for spec in specs:
        config = {key: value for key, value in spec.config.items() if key != "seed"}
        name = config_hash(config)
        plan.configurations[name] = {"method": spec.method, "config": config}
        plan.runs[spec.run_id] = (name, int(spec.config["seed"]))
    return plan


def claim_folder(
    folder: Path, hash_of_all: str, request: dict[str, Any], configurations: dict[str, Any]
) -> None:
    """Make the folder and write its experiment.yaml; raises UserError if it cannot be used.

    A folder that already holds this very experiment, told by its hash, is accepted as it is, so
    that an interrupted experiment can be continued; its experiment.yaml is kept.
    """
    _make(folder)
    if (folder / EXPERIMENT_FILE).exists():
        _check_same_experiment(folder, hash_of_all)
    elif any(folder.iterdir()):
        raise UserError(f"{folder} is not empty and holds no {EXPERIMENT_FILE}: choose another")
    else:
        described = {"experiment_hash": hash_of_all, **_circumstances(request), **configurations}
        _write(folder / EXPERIMENT_FILE, described)


def note_in_experiment(folder: Path, name: str, value: dict[str, object]) -> None:
    """Add an entry to experiment.yaml; raises UserError if it cannot be written."""
    path = folder / EXPERIMENT_FILE
    _write(path, {**read_experiment(path), name: value})


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot make the results folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"the results folder {folder} is not writable")


def _write(path: Path, experiment: dict[str, Any]) -> None:
    try:
        write_experiment(path, experiment)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror}") from error


def _check_same_experiment(folder: Path, expected: str) -> None:
    if read_experiment(folder / EXPERIMENT_FILE).get("experiment_hash") != expected:
        raise UserError(f"{folder} belongs to another experiment: choose another folder with --out")


def _circumstances(request: dict[str, Any]) -> dict[str, Any]:
    return {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **request,
        "commit": git_commit(),
        "machine": describe_machine(),
        "versions": library_versions(),
    }
