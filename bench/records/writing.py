"""Writes records: whole or not at all, through a temporary folder or file and a rename."""

from __future__ import annotations

import csv
import json
import math
import os
import shutil
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import yaml

from bench.records.model import (
    GRADIENTS,
    PICTURES,
    PLAN,
    ROW,
    RUNS,
    SAMPLES,
    TABLES,
    Rows,
    RunRecord,
    Samples,
)
from bench.records.plan import Plan, plan_text
from bench.records.schema import GRADIENT_COLUMNS, complete, complete_gradient, complete_row
from bench.records.wholeness import write_listing

Pixels = np.ndarray[Any, Any]


def write_record(results: Path, record: RunRecord) -> Path:
    """Write a record whole or not at all and return its folder, replacing an earlier one.

    Columns left out become empty text or null; numbers that are not finite become null.
    Raises ValueError for an unknown column, status or type: those are bugs of the caller.
    """
    row = complete_row(record.row)
    tables = {name: _complete_table(record, name) for name in TABLES}
    runs = Path(results) / RUNS
    folder = runs / str(row["run_id"])
    draft = runs / f".tmp-{folder.name}-{os.getpid()}"
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    try:
        _write_row(draft / ROW, row)
        for name, (file, columns) in TABLES.items():
            if tables[name] or name == "curve":
                _write_table(draft / file, columns, tables[name])
        if record.samples is not None:
            _write_samples(draft / SAMPLES, record.samples, _as_measured)
        if record.picture_samples is not None:
            _write_samples(draft / PICTURES, record.picture_samples, _in_8_bits)
        write_listing(draft)
        _put_in_place(draft, folder)
    except BaseException:
        shutil.rmtree(draft, ignore_errors=True)
        raise
    return folder


def write_experiment(path: Path, experiment: Mapping[str, Any]) -> None:
    """Write `experiment.yaml` (or any mapping) to `path` whole, or not at all."""
    write_text(path, yaml.dump(dict(experiment), Dumper=_WithoutAliases, sort_keys=False))


class _WithoutAliases(yaml.SafeDumper):
    """Writes what occurs twice twice: readers refuse an alias, with which a file can explode."""

    def ignore_aliases(self, data: Any) -> bool:
        """Whether `data` is written again where it occurs again: always."""
        return True


def write_plan(results: Path, plan: Plan) -> None:
    """Write `plan.json`; the configurations of the plan belong in `experiment.yaml`."""
    write_text(results / PLAN, plan_text(plan))


def write_text(path: Path, text: str) -> None:
    """Write a file whole, in place of an earlier one, or not at all."""
    with _replacing(path) as draft:
        draft.write_text(text, encoding="utf-8")


def write_gradients(results: Path, rows: Iterable[Mapping[str, object]]) -> None:
    """Write `gradients.csv` whole, in place of an earlier one, or not at all.

    Columns left out become empty. Raises ValueError for an unknown column, status or type.
    """
    whole = [complete_gradient(row) for row in rows]
    with _replacing(results / GRADIENTS) as draft:
        _write_table(draft, GRADIENT_COLUMNS, whole)


@contextmanager
def _replacing(path: Path) -> Iterator[Path]:
    """Yield the draft that takes the place of `path` after the block; it is removed on an error."""
    draft = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    draft.unlink(missing_ok=True)  # nothing is written through what is there
    try:
        yield draft
        os.replace(draft, path)
    except BaseException:
        draft.unlink(missing_ok=True)
        raise


def _complete_table(record: RunRecord, name: str) -> Rows:
    run_id, columns = str(record.row["run_id"]), TABLES[name][1]
    rows = [complete({"run_id": run_id, **given}, columns) for given in getattr(record, name)]
    for row in rows:
        if row["run_id"] != run_id:
            raise ValueError(f"a row of run {row['run_id']!r} in the {name} of {run_id!r}")
    return rows


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
        for row in rows:
            writer.writerow({name: _cell(value) for name, value in row.items()})


def _cell(value: object) -> object:
    """A carriage return, which Python's writer leaves bare, as a line break, which it quotes."""
    if isinstance(value, str) and "\r" in value:
        return value.replace("\r\n", "\n").replace("\r", "\n")
    return value


def _write_samples(path: Path, samples: Samples, pixels: Callable[[Pixels], Pixels]) -> None:
    np.savez_compressed(
        path,
        clean=pixels(samples.clean),
        observed=pixels(samples.observed),
        reconstruction=pixels(samples.reconstruction),
        psnr=np.asarray(samples.psnr, dtype=np.float64),
        psnr_observed=np.asarray(samples.psnr_observed, dtype=np.float64),
    )


def _as_measured(images: Pixels) -> Pixels:
    return np.asarray(images, dtype=np.float32)


def _in_8_bits(images: Pixels) -> Pixels:
    """Pixels from 0 to 255, an eighth of the bytes; of no number, which has no colour, 0."""
    rounded: Pixels = np.rint(255 * np.clip(np.nan_to_num(images), 0, 1))
    return rounded.astype(np.uint8)


def _put_in_place(draft: Path, folder: Path) -> None:
    """Rename `draft` to `folder`; an earlier record is moved aside and kept until that worked."""
    if not os.path.lexists(folder):
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
