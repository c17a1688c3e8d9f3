"""Results folders whose difference is known, for tests of comparisons."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from bench.cli import run_command_line
from bench.records import RunRecord, write_experiment, write_record
from tests.support import records as factories

METHODS = ("jfb", "ift", "tv")
TIMES = ("train_seconds", "forward_seconds", "backward_seconds", "reconstruct_seconds_per_image")
Row = dict[str, Any]
Edit = Callable[[Row], object]
MACHINE = {"cpu": "a processor", "logical_cores": 2, "memory_bytes": 8}


def folder(
    path: Path,
    *edits: Edit,
    methods: tuple[str, ...] = METHODS,
    seeds: int = 3,
    experiment: Mapping[str, object] | None = None,
) -> Path:
    """Write a results folder of `methods` by `seeds`, each row changed by every edit."""
    path.mkdir()
    described = {**factories.EXPERIMENT, "machine": MACHINE, **(experiment or {})}
    write_experiment(path / "experiment.yaml", described)
    for method in methods:
        for seed in range(seeds):
            row = factories.run_row(method, seed)
            for edit in edits:
                edit(row)
            write_record(path, RunRecord(row))
    return path


def slower_backward(row: Row) -> None:
    """As a sleep in its backward pass does: the training step takes 1.3 times as long."""
    if row["method"] == "jfb":
        more = row["backward_seconds"]
        row["backward_seconds"] += more
        row["train_seconds"] += more


def times(factor: float, *columns: str, method: str = "jfb") -> Edit:
    """Multiply columns of the runs of a method."""

    def edit(row: Row) -> None:
        for column in columns:
            if row["method"] == method and row.get(column) is not None:
                row[column] = row[column] * factor

    return edit


def setting(row: Row, **values: object) -> None:
    row.update(values)


def compare(a: Path, b: Path, *arguments: object) -> int:
    return run_command_line(["compare", str(a), str(b), *map(str, arguments)])
