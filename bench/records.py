"""Records: what a run leaves behind, written whole or not at all, and read back with suspicion.

A results folder holds `experiment.yaml` and a folder per run, `runs/<run_id>/`, with `record.json`
(one scalar row), `curve.csv` (a row per evaluation point) and, optionally, `samples.npz`. The
measurements of `bench gradients` are the rows of one file, `gradients.csv`.
"""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import numpy as np
import yaml

from bench.errors import UserError
from bench.record_schema import (
    COMPLETED,
    CURVE_COLUMNS,
    GRADIENT_COLUMNS,
    RUN_COLUMNS,
    SCHEMA_VERSION,
    STATUSES,
    check_row,
    check_status,
    complete,
    complete_gradient,
    complete_row,
    typed,
)

if TYPE_CHECKING:  # every run is a process that writes a record; only readers need pandas
    import pandas as pd

__all__ = [
    "COMPLETED",
    "CURVE_COLUMNS",
    "GRADIENT_COLUMNS",
    "RUN_COLUMNS",
    "SCHEMA_VERSION",
    "STATUSES",
    "DamagedRecord",
    "Results",
    "RunRecord",
    "Samples",
    "load_results",
    "read_experiment",
    "read_gradients",
    "read_record",
    "write_experiment",
    "write_gradients",
    "write_record",
]

Content = TypeVar("Content")

_EXPERIMENT, _RUNS, _GRADIENTS = "experiment.yaml", "runs", "gradients.csv"
_ROW, _CURVE, _SAMPLES = "record.json", "curve.csv", "samples.npz"
# What json, csv, zipfile, zlib and numpy raise on files that are not what they should be.
_BROKEN = (
    *(OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, EOFError),
    *(csv.Error, zipfile.BadZipFile, zlib.error, NotImplementedError),
)


class DamagedRecord(UserError):
    """A record that cannot be trusted; the message names the file and the reason."""


@dataclass(frozen=True)
class Samples:
    """A few reconstructions; images (n, C, H, W) float in [0, 1], PSNR (n,) in dB."""

    clean: np.ndarray[Any, Any]
    observed: np.ndarray[Any, Any]
    reconstruction: np.ndarray[Any, Any]
    psnr: np.ndarray[Any, Any]
    psnr_observed: np.ndarray[Any, Any]


@dataclass(frozen=True)
class RunRecord:
    """One run: its scalar row, its curve (may be empty) and optionally a few reconstructions."""

    row: dict[str, object]
    curve: list[dict[str, object]] = field(default_factory=list)
    samples: Samples | None = None


@dataclass(frozen=True)
class Results:
    """Every readable record of a results folder as tables, and the damaged ones by name."""

    path: Path
    runs: pd.DataFrame
    curves: pd.DataFrame
    gradients: pd.DataFrame
    experiment: dict[str, Any]
    damaged: list[str]

    def samples(self, run_id: str) -> Samples | None:
        """Return the reconstructions kept by a run; KeyError if the run is not in `runs`."""
        if run_id not in set(self.runs["run_id"]):
            raise KeyError(run_id)
        return _read_samples(self.path / _RUNS / run_id / _SAMPLES)


# ---------------------------------------------------------------------------------------- writing


def write_record(results: Path, record: RunRecord) -> Path:
    """Write a record whole or not at all and return its folder, replacing an earlier one.

    Columns left out become empty text or null; numbers that are not finite become null.
    Raises ValueError for an unknown column, status or type: those are bugs of the caller.
    """
    row = complete_row(record.row)
    curve = [_complete_curve_point(point, str(row["run_id"])) for point in record.curve]
    runs = Path(results) / _RUNS
    folder = runs / str(row["run_id"])
    draft = runs / f".tmp-{folder.name}-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write_row(draft / _ROW, row)
        _write_table(draft / _CURVE, CURVE_COLUMNS, curve)
        if record.samples is not None:
            _write_samples(draft / _SAMPLES, record.samples)
        _put_in_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def write_experiment(path: Path, experiment: Mapping[str, Any]) -> None:
    """Write `experiment.yaml` (or any mapping) to `path` through a temporary file."""
    draft = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    draft.write_text(yaml.safe_dump(dict(experiment), sort_keys=False), encoding="utf-8")
    os.replace(draft, path)


def write_gradients(results: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write `gradients.csv` whole, in place of an earlier one, or not at all.

    Columns left out become empty. Raises ValueError for an unknown column, status or type.
    """
    whole = [complete_gradient(row) for row in rows]
    draft = results / f".tmp-{_GRADIENTS}-{os.getpid()}"
    try:
        _write_table(draft, GRADIENT_COLUMNS, whole)
        os.replace(draft, results / _GRADIENTS)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _complete_curve_point(given: Mapping[str, object], run_id: str) -> dict[str, object]:
    point = complete({"run_id": run_id, **given}, CURVE_COLUMNS)
    if point["run_id"] != run_id:
        raise ValueError(f"a curve point of run {point['run_id']!r} in the record of {run_id!r}")
    return point


def _write_row(path: Path, row: Mapping[str, object]) -> None:
    strict = {
        name: None if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in row.items()
    }
    path.write_text(json.dumps(strict, indent=2, allow_nan=False) + "\n", encoding="utf-8")


def _write_table(path: Path, columns: Iterable[str], rows: Iterable[Mapping[str, object]]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(columns), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _write_samples(path: Path, samples: Samples) -> None:
    np.savez_compressed(
        path,
        clean=_to_bytes(samples.clean),
        observed=_to_bytes(samples.observed),
        reconstruction=_to_bytes(samples.reconstruction),
        psnr=np.asarray(samples.psnr, dtype=np.float64),
        psnr_observed=np.asarray(samples.psnr_observed, dtype=np.float64),
    )


def _to_bytes(images: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    finite = np.nan_to_num(np.asarray(images, dtype=np.float64), nan=0.0)
    return np.rint(np.clip(finite, 0.0, 1.0) * 255.0).astype(np.uint8)


def _put_in_place(draft: Path, folder: Path) -> None:
    """Rename `draft` to `folder`; an earlier record is moved aside and kept until that worked."""
    if not folder.exists():
        os.rename(draft, folder)
        return
    aside = draft.with_name(draft.name + "-old")
    os.rename(folder, aside)
    try:
        os.rename(draft, folder)
    except OSError:
        os.rename(aside, folder)
        raise
    shutil.rmtree(aside, ignore_errors=True)


# ---------------------------------------------------------------------------------------- reading


def load_results(path: Path | str) -> Results:
    """Read a results folder; damaged records are listed in `.damaged`, never raised.

    Raises UserError if `path` is missing or is not a results folder with a record or measurement.
    """
    import pandas as pd

    path = Path(path)
    folders = _record_folders(path)
    damaged: list[str] = []
    experiment = _or_damaged(read_experiment, path / _EXPERIMENT, damaged) or {}
    gradients = _or_damaged(read_gradients, path, damaged) or []
    rows: list[dict[str, object]] = []
    points: list[dict[str, object]] = []
    for folder in folders:
        record = _or_damaged(read_record, folder, damaged)
        if record is not None:
            rows.append(record.row)
            points.extend(record.curve)

    def table(content: list[dict[str, object]], columns: dict[str, str]) -> pd.DataFrame:
        return pd.DataFrame(content, columns=list(columns)).astype(columns)

    return Results(
        path=path,
        runs=table(rows, RUN_COLUMNS),
        curves=table(points, CURVE_COLUMNS),
        gradients=table(gradients, GRADIENT_COLUMNS),
        experiment=experiment,
        damaged=damaged,
    )


def read_record(folder: Path) -> RunRecord:
    """Read one record; raise DamagedRecord if anything in it is not as `write_record` writes."""
    folder = Path(folder)
    row = _guarded(_read_row, folder / _ROW)
    if row["run_id"] != folder.name:
        raise DamagedRecord(f"{folder / _ROW}: run_id {row['run_id']!r} is not its folder's name")
    curve = _guarded(_read_curve, folder / _CURVE)
    if any(point["run_id"] != folder.name for point in curve):
        raise DamagedRecord(f"{folder / _CURVE}: a point belongs to another run")
    return RunRecord(row=row, curve=curve, samples=_read_samples(folder / _SAMPLES))


def read_gradients(results: Path) -> list[dict[str, object]]:
    """Read the rows of `gradients.csv`, none if there is no such file; may raise DamagedRecord."""
    path = Path(results) / _GRADIENTS
    return _guarded(_read_gradients, path) if path.exists() else []


def read_experiment(path: Path) -> dict[str, Any]:
    """Read `experiment.yaml`; raise UserError if it is missing or not a mapping."""
    try:
        content = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{path}: {_one_line(error)}") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not a mapping")
    return content


def _record_folders(path: Path) -> list[Path]:
    """Return the run folders by name, drafts that a killed run left behind excluded."""
    if not path.is_dir():
        raise UserError(f"{path}: no such results folder")
    if not (path / _EXPERIMENT).exists():
        raise UserError(f"{path}: not a results folder (it has no {_EXPERIMENT})")
    runs = path / _RUNS
    entries = sorted(runs.iterdir()) if runs.is_dir() else []
    folders = [entry for entry in entries if entry.is_dir() and entry.name[0] != "."]
    if not folders and not (path / _GRADIENTS).exists():
        raise UserError(f"{path}: no records in {_RUNS}/, and no {_GRADIENTS}")
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
    if content.get("schema_version") != SCHEMA_VERSION:
        raise ValueError(
            f"schema_version is {content.get('schema_version')!r}, "
            f"this version reads {SCHEMA_VERSION}"
        )
    missing = [name for name in RUN_COLUMNS if name not in content]
    if missing:
        raise ValueError(f"misses {', '.join(missing)}")
    row = complete(content, RUN_COLUMNS)
    check_row(row)
    return row


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not strict JSON")


def _read_curve(path: Path) -> list[dict[str, object]]:
    return _read_table(path, CURVE_COLUMNS) if path.exists() else []


def _read_gradients(path: Path) -> list[dict[str, object]]:
    rows = _read_table(path, GRADIENT_COLUMNS)
    for row in rows:
        check_status(row)
    return rows


def _read_table(path: Path, columns: Mapping[str, str]) -> list[dict[str, object]]:
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
