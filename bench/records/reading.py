"""Reads records with suspicion: whatever is not as it was written is named, never trusted."""

from __future__ import annotations

import csv
import json
import math
import os
import zipfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import yaml

from bench.errors import UserError
from bench.records.model import (
    EXPERIMENT,
    GRADIENTS,
    ROW,
    RUNS,
    SAMPLES,
    TABLES,
    DamagedRecord,
    Rows,
    RunRecord,
    Samples,
)
from bench.records.plan import PLAN, Plan, plan_of, read_plan_text
from bench.records.schema import (
    CURVE_COLUMNS,
    GRADIENT_COLUMNS,
    MEMORY_COLUMNS,
    RECONSTRUCTION_COLUMNS,
    RUN_COLUMNS,
    STEP_COLUMNS,
    check_row,
    check_status,
    columns_of_version,
    complete,
    typed,
)

if TYPE_CHECKING:  # every run is a process that writes a record; only readers need pandas
    import pandas as pd

Content = TypeVar("Content")
_YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # ten times as fast, where it is built

# What json, csv, zipfile, zlib and numpy raise on files that are not what they should be.
_BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError),
    *(csv.Error, zipfile.BadZipFile, zlib.error, NotImplementedError),
)


@dataclass(frozen=True)
class Results:
    """Every readable record of a results folder as tables, and the damaged ones by name."""

    path: Path
    runs: pd.DataFrame
    curves: pd.DataFrame
    reconstructions: pd.DataFrame
    memory: pd.DataFrame
    gradients: pd.DataFrame
    experiment: dict[str, Any]
    plan: Plan
    damaged: list[str]

    def samples(self, run_id: str) -> Samples | None:
        """Return the reconstructions kept by a run; KeyError if the run is not in `runs`."""
        return _read_samples(self._folder(run_id) / SAMPLES)

    def steps(self, run_id: str) -> pd.DataFrame:
        """Return the training steps of a run, if any; KeyError as above, or DamagedRecord."""
        version = self.runs.loc[self.runs["run_id"] == run_id, "schema_version"]
        rows = _read_rows(self._folder(run_id), "steps", next(iter(version), 0))
        return _frame(rows, STEP_COLUMNS)

    def _folder(self, run_id: str) -> Path:
        if run_id not in set(self.runs["run_id"]):
            raise KeyError(run_id)
        return self.path / RUNS / run_id


def load_results(path: Path | str) -> Results:
    """Read a results folder; damaged records are listed in `.damaged`, never raised.

    Raises UserError if `path` is missing or is not a results folder with a record or measurement.
    """
    path = Path(path)
    folders = _record_folders(path)
    damaged: list[str] = []
    experiment = _or_damaged(read_experiment, path / EXPERIMENT, damaged) or {}
    plan = _or_damaged(lambda folder: _plan(folder, experiment), path, damaged) or Plan()
    gradients = _or_damaged(read_gradients, path, damaged) or []
    found = [_or_damaged(_read_all_but_steps, folder, damaged) for folder in folders]
    records = [record for record in found if record is not None]
    return Results(
        path=path,
        runs=_frame([record.row for record in records], RUN_COLUMNS),
        curves=_frame([row for record in records for row in record.curve], CURVE_COLUMNS),
        reconstructions=_frame(
            [row for record in records for row in record.reconstruction], RECONSTRUCTION_COLUMNS
        ),
        memory=_frame([row for record in records for row in record.memory], MEMORY_COLUMNS),
        gradients=_frame(gradients, GRADIENT_COLUMNS),
        experiment=experiment,
        plan=plan,
        damaged=damaged,
    )


def _frame(rows: Rows, columns: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(rows, columns=list(columns)).astype(columns)


def read_record(folder: Path) -> RunRecord:
    """Read one record; raise DamagedRecord if anything in it is not as `write_record` writes."""
    record = _read_all_but_steps(Path(folder))
    return replace(record, steps=_read_rows(Path(folder), "steps", record.row["schema_version"]))


@dataclass(frozen=True)
class FoundRows:
    """The rows of all runs, and by run what is wrong with the damaged ones."""

    rows: Rows
    damaged: dict[str, str]


def read_rows(results: Path) -> FoundRows:
    """Read the row of every run and nothing else; a folder without runs has none."""
    found = FoundRows([], {})
    runs = Path(results) / RUNS
    for name in sorted(os.listdir(runs)) if runs.is_dir() else []:
        if name[0] != ".":
            try:
                found.rows.append(_checked_row(runs / name))
            except DamagedRecord as error:
                found.damaged[name] = str(error)
    return found


def read_row(results: Path, run_id: str) -> dict[str, object] | None:
    """Read the row of one run, None if it has no record; may raise DamagedRecord."""
    folder = Path(results) / RUNS / run_id
    return _checked_row(folder) if folder.exists() else None


def _checked_row(folder: Path) -> dict[str, object]:
    row = _guarded(_read_row, folder / ROW)
    if row["run_id"] != folder.name:
        raise DamagedRecord(f"{folder / ROW}: run_id {row['run_id']!r} is not its folder's name")
    return row


def _read_all_but_steps(folder: Path) -> RunRecord:
    row = _checked_row(folder)
    version = row["schema_version"]
    tables = {name: _read_rows(folder, name, version) for name in TABLES if name != "steps"}
    return RunRecord(row=row, samples=_read_samples(folder / SAMPLES), **tables)


def _read_rows(folder: Path, name: str, version: object) -> Rows:
    """Read one table of a record, none if it has no such file."""
    file, columns = TABLES[name]
    path = folder / file
    if not path.exists():
        return []
    rows = _guarded(lambda file: _read_table(file, columns_of_version(columns, version)), path)
    if any(row["run_id"] != folder.name for row in rows):
        raise DamagedRecord(f"{path}: a row belongs to another run")
    return [complete(row, columns) for row in rows]


def read_gradients(results: Path) -> Rows:
    """Read the rows of `gradients.csv`, none if there is no such file; may raise DamagedRecord."""
    path = Path(results) / GRADIENTS
    return _guarded(_read_gradients, path) if path.exists() else []


def read_plan(results: Path) -> Plan:
    """Read the plan of an experiment; raise UserError if it cannot be read."""
    results = Path(results)
    return _plan(results, read_experiment(results / EXPERIMENT))


def _plan(results: Path, experiment: Mapping[str, Any]) -> Plan:
    def read(path: Path) -> Plan:
        return plan_of(experiment, read_plan_text(path.parent))

    return _guarded(read, results / PLAN)


def read_experiment(path: Path) -> dict[str, Any]:
    """Read `experiment.yaml`; raise UserError if it is missing or not a mapping."""
    try:
        content = yaml.load(Path(path).read_text(encoding="utf-8"), Loader=_YAML_LOADER)
    except (OSError, ValueError, RecursionError, yaml.YAMLError) as error:
        raise UserError(f"{path}: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a mapping")
    return content


def _record_folders(path: Path) -> list[Path]:
    """Return the run folders by name, drafts that a killed run left behind excluded."""
    if not path.is_dir():
        raise UserError(f"{path}: no such results folder")
    if not (path / EXPERIMENT).exists():
        raise UserError(f"{path}: not a results folder (it has no {EXPERIMENT})")
    runs = path / RUNS
    entries = sorted(runs.iterdir()) if runs.is_dir() else []
    folders = [entry for entry in entries if entry.is_dir() and entry.name[0] != "."]
    if not folders and not (path / GRADIENTS).exists():
        raise UserError(f"{path}: no records in {RUNS}/, and no {GRADIENTS}")
    return folders


def _or_damaged(read: Callable[[Path], Content], path: Path, damaged: list[str]) -> Content | None:
    try:
        return read(path)
    except UserError as error:
        damaged.append(str(error))
        return None


def _guarded(read: Callable[[Path], Content], path: Path) -> Content:
    """Turn whatever a damaged file makes `read` raise into DamagedRecord."""
    try:
        return read(path)
    except _BROKEN as error:
        raise DamagedRecord(f"{path}: {_one_line(error)}") from error


def _one_line(error: Exception) -> str:
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(reason.split()) or type(error).__name__


def _read_row(path: Path) -> dict[str, object]:
    content = json.loads(path.read_text(encoding="utf-8"), parse_constant=_refuse_constant)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    columns = columns_of_version(RUN_COLUMNS, content.get("schema_version"))
    missing = [name for name in columns if name not in content]
    if missing:
        raise ValueError(f"misses {', '.join(missing)}")
    row = complete(content, RUN_COLUMNS)
    check_row(row)
    return row


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not strict JSON")


def _read_gradients(path: Path) -> Rows:
    rows = _read_table(path, GRADIENT_COLUMNS)
    for row in rows:
        check_status(row)
    return rows


def _read_table(path: Path, columns: Mapping[str, str]) -> Rows:
    text = path.read_text(encoding="utf-8")
    if text and not text.endswith("\n"):
        raise ValueError("cut short (its last line does not end)")
    lines = list(csv.reader(text.splitlines(keepends=True)))
    if lines and lines[0] != list(columns):
        raise ValueError("its header is not the expected one")
    rows = []
    for number, cells in enumerate(lines[1:], start=2):
        if len(cells) != len(columns):
            raise ValueError(f"line {number} has {len(cells)} cells, not {len(columns)}")
        named = zip(columns, cells, strict=True)
        rows.append({name: _parsed(name, cell, columns[name]) for name, cell in named})
    return rows


def _parsed(name: str, cell: str, dtype: str) -> object:
    if dtype == "str":
        return cell
    if dtype == "int64":
        return typed(name, int(cell), dtype)
    return float(cell) if cell else math.nan


def _read_samples(path: Path) -> Samples | None:
    return _guarded(_load_samples, path) if path.exists() else None


def _load_samples(path: Path) -> Samples:
    with path.open("rb") as file, np.load(file, allow_pickle=False) as arrays:
        images = [arrays[name] for name in ("clean", "observed", "reconstruction")]
        psnrs = [arrays[name] for name in ("psnr", "psnr_observed")]
    shape = images[0].shape
    if len(shape) != 4 or any(each.shape != shape or each.dtype != np.uint8 for each in images):
        raise ValueError("images are not all uint8 of one shape (n, C, H, W)")
    if any(each.shape != shape[:1] or each.dtype != np.float64 for each in psnrs):
        raise ValueError("psnr is not float64 of shape (n,)")
    return Samples(*(each.astype(np.float32) / np.float32(255) for each in images), *psnrs)
