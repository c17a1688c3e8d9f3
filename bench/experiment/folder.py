"""The folder of an experiment: its name, whether it may be written to, and `experiment.yaml`."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.experiment.claims import folder_lock
from bench.experiment.files import archive
from bench.experiment.layout import check_layout
from bench.experiment.merging import Merged, merge
from bench.experiment.spec import RunSpec
from bench.machine.description import describe_machine, git_commit, library_versions
from bench.records import (
    CONFIGURATIONS,
    Plan,
    read_experiment,
    read_plan,
    write_experiment,
    write_plan,
)

EXPERIMENT_FILE = "experiment.yaml"
# What was told of an earlier command is kept when a later one differs in any of these.
CIRCUMSTANCES = ("command_line", "request", "plugins", "commit", "machine", "versions")


def default_folder(*words: str) -> Path:
    """results/<words>-<local time>, below the current directory."""
    return Path("results") / f"{_stem(words)}-{datetime.now():%Y%m%d-%H%M%S}"


def folders_of(specs: Sequence[RunSpec], *words: str) -> list[Path]:
    """The folders that `default_folder` named for this very experiment, the newest first."""
    expected = experiment_hash(spec.run_id for spec in specs)
    found = []
    for folder in sorted(Path("results").glob(f"{_stem(words)}-*-*"), reverse=True):
        with suppress(UserError):
            if read_experiment(folder / EXPERIMENT_FILE).get("experiment_hash") == expected:
                found.append(folder)
    return found


def _stem(words: Sequence[str]) -> str:
    return "-".join("".join(c if c.isalnum() else "_" for c in word) for word in words)


def experiment_hash(run_ids: Iterable[str]) -> str:
    """12 hexadecimal digits that change with any run of the grid, but not with their order."""
    return hashlib.sha256("\n".join(sorted(run_ids)).encode()).hexdigest()[:12]


def merged_plan(folder: Path, specs: Sequence[RunSpec]) -> Merged:
    """The plan of the folder with the runs of the grid; nothing is written.

    Raises UserError if the folder is in use for something else, or its runs have other settings.
    """
    new = Plan()
    for spec in specs:  # those that differ in the seed alone share a configuration
        config = {key: value for key, value in spec.config.items() if key != "seed"}
        new.configurations[spec.configuration] = {"method": spec.method, "config": config}
        new.runs[spec.run_id] = (spec.configuration, int(spec.config["seed"]))
    if not _holds_experiment(folder):
        return Merged(new, [])
    if "gradients" in read_experiment(folder / EXPERIMENT_FILE):
        raise UserError(
            f"{folder} holds results of bench gradients: choose another folder with --out"
        )
    try:
        return merge(read_plan(folder), new)
    except UserError as error:
        raise UserError(f"{folder}: {error}") from error


def prepare_folder(folder: Path, specs: Sequence[RunSpec], request: dict[str, Any]) -> None:
    """Make the folder of a grid, or add the grid to the experiment that it holds already.

    Records of runs whose settings changed are moved to `superseded/`. Raises UserError as
    `merged_plan`, and if the folder cannot be written to.
    """
    check_layout(folder)
    _make(folder)
    with _writing_to(folder), folder_lock(folder):  # another command may be doing the same
        for draft in folder.glob(".tmp-*"):  # whoever was writing it is dead
            draft.unlink(missing_ok=True)
        merged = merged_plan(folder, specs)
        described = _circumstances(request)
        if (folder / EXPERIMENT_FILE).exists():
            described = _continued(read_experiment(folder / EXPERIMENT_FILE), described)
        described["experiment_hash"] = experiment_hash(merged.plan.runs)
        described[CONFIGURATIONS] = merged.plan.configurations
        write_experiment(folder / EXPERIMENT_FILE, described)
        write_plan(folder, merged.plan)
        for run_id in merged.superseded:
            archive(folder, run_id)


def _continued(before: Mapping[str, Any], now: Mapping[str, Any]) -> dict[str, Any]:
    """The description by the latest command, with those of earlier ones that differ."""
    if all(before.get(name) == now.get(name) for name in CIRCUMSTANCES):
        return dict(before)
    earlier = before.get("earlier", [])
    replaced = ("started_at", *CIRCUMSTANCES)
    described = {name: before[name] for name in replaced if name in before}
    kept = {name: value for name, value in before.items() if name not in replaced}
    if before.get("machine") != now.get("machine"):
        kept.pop("noise_floor", None)  # it is another machine's
    return {**now, **kept, "earlier": [*(earlier if isinstance(earlier, list) else []), described]}


def claim_folder(
    folder: Path, hash_of_all: str, request: dict[str, Any], configurations: dict[str, Any]
) -> None:
    """Make the folder and write its experiment.yaml; raises UserError if it cannot be used.

    A folder that already holds this very experiment, told by its hash, is accepted as it is, so
    that an interrupted experiment can be continued; its experiment.yaml is kept.
    """
    check_layout(folder)
    _make(folder)
    path = folder / EXPERIMENT_FILE
    if not _holds_experiment(folder):
        described = {"experiment_hash": hash_of_all, **_circumstances(request), **configurations}
        with _writing_to(folder):
            write_experiment(path, described)
    elif read_experiment(path).get("experiment_hash") != hash_of_all:
        raise UserError(f"{folder} belongs to another experiment: choose another folder with --out")


def note_in_experiment(folder: Path, name: str, value: dict[str, object]) -> None:
    """Add an entry to experiment.yaml; raises UserError if it cannot be written."""
    path = folder / EXPERIMENT_FILE
    with _writing_to(folder), folder_lock(folder):
        write_experiment(path, {**read_experiment(path), name: value})


def _holds_experiment(folder: Path) -> bool:
    """Whether there is an experiment; UserError if there is something else."""
    check_layout(folder)
    if (folder / EXPERIMENT_FILE).exists():
        return True
    if folder.exists() and any(not entry.name.startswith(".") for entry in folder.iterdir()):
        raise UserError(
            f"{folder} is not empty and is not a results folder (no {EXPERIMENT_FILE}): choose "
            "another folder with --out"
        )
    return False


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"cannot create the results folder {folder}: {error.strerror}") from error
    if not os.access(folder, os.W_OK | os.X_OK):
        raise UserError(f"the results folder {folder} is not writable")


@contextmanager
def _writing_to(folder: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write to {folder}: {error.strerror}") from error


def _circumstances(request: dict[str, Any]) -> dict[str, Any]:
    described: dict[str, Any] = {
        "started_at": datetime.now(UTC).isoformat(timespec="seconds"),
        **request,
        "commit": git_commit(),
        "machine": describe_machine(),
        "versions": library_versions(),
    }
    described = json.loads(json.dumps(described))  # as it is read: without tuples
    return described
