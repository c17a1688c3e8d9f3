"""Reads records with suspicion: whatever is not as it was written is named, never trusted."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from bench.beside import beside
from bench.errors import UserError
from bench.folders import folder_exists
from bench.records.experiment import parse_experiment
from bench.records.files import is_there, one_line, read_file, read_text, run_folders
from bench.records.guarded import BROKEN, Content, guarded
from bench.records.model import (
    EXPERIMENT,
    GRADIENTS,
    PICTURES,
    PLAN,
    ROW,
    RUNS,
    SAMPLES,
    TABLES,
    DamagedRecord,
    Rows,
    RunRecord,
)
from bench.records.plan import Plan, plan_of
from bench.records.results import Results
from bench.records.samples import read_samples
from bench.records.schema import (
    GRADIENT_COLUMNS,
    GRADIENT_COLUMNS_ADDED,
    RUN_COLUMNS,
    SCHEMA_VERSION,
    check_run_id,
    check_status,
    columns_of_version,
    complete,
)
from bench.records.tables import parse_rows, read_table, read_tables, table_text
from bench.records.wholeness import ARRAYS, damage_of
from bench.records.workload import USUAL_NETWORK

if TYPE_CHECKING:  # every run is a process that writes a record; only readers need pandas
    import pandas as pd

MANY_RUNS = 2000  # are read in half a second, a fifth of which is taken beside


def load_results(path: Path | str) -> Results:
    """Read a results folder; damaged records are listed in `.damaged`, never raised.

    Raises UserError if `path` is missing or is not a results folder with a record or measurement.
    """
    path = Path(path)
    damaged: list[str] = []
    names = _record_folders(path, damaged)
    experiment = _or_damaged(read_experiment, path / EXPERIMENT, damaged) or {}
    plan = _or_damaged(lambda folder: _plan(folder, experiment), path, damaged) or Plan()
    gradients = _or_damaged(read_gradients, path, damaged) or []
    reasons: dict[str, str] = {}  # of the first damage that is found in a run
    rows = _rows(path, names, reasons)
    check = partial(_not_whole, path, rows, plan)
    with beside(check) if len(rows) >= MANY_RUNS else nullcontext(check) as not_whole:
        tables = _tables(path, rows, reasons)
        reasons = not_whole() | reasons  # what a table says of its damage, it says best
    good = [row for row in rows if row["run_id"] not in reasons]
    return Results(
        path=path,
        runs=_frame(good, RUN_COLUMNS),
        curves=_without(tables["curve"], reasons),
        reconstructions=_without(tables["reconstruction"], reasons),
        memory=_without(tables["memory"], reasons),
        images=_without(tables["images"], reasons),
        pictures=_without(tables["pictures"], reasons),
        metrics=_without(tables["metrics"], reasons),
        gradients=_frame(gradients, GRADIENT_COLUMNS),
        experiment=experiment,
        plan=plan,
        damaged=[*damaged, *(reasons[name] for name in names if name in reasons)],
    )


class FoundRows(NamedTuple):
    """The rows of all runs, and what is wrong with the damaged ones, by name."""

    rows: Rows
    damaged: dict[str, str]


def read_rows(path: Path | str) -> FoundRows:
    """Read `record.json` of every run and nothing else; a folder without runs has no rows."""
    path = Path(path)
    try:
        names, links = guarded(run_folders, path / RUNS)
    except DamagedRecord as error:
        return FoundRows([], {RUNS: str(error)})
    damaged = {name: str(_linked(path / RUNS / name)) for name in links}
    return FoundRows(_rows(path, names, damaged), damaged)


def read_row(path: Path | str, run_id: str) -> dict[str, object] | None:
    """Read `record.json` of one run, None if it has no record; may raise DamagedRecord."""
    folder = Path(path) / RUNS / run_id
    if folder.is_symlink():
        raise _linked(folder)
    return guarded(_read_row, folder / ROW) if is_there(folder) else None


def _linked(folder: Path) -> DamagedRecord:
    return DamagedRecord(f"{folder}: is a symbolic link, which is not followed")


def read_record(folder: Path) -> RunRecord:
    """Read one record; raise DamagedRecord if anything in it is not as `write_record` writes."""
    folder = Path(folder)
    if folder.is_symlink():
        raise _linked(folder)
    row = guarded(_read_row, folder / ROW)
    tables = {name: _rows_of_table(folder, name, row["schema_version"]) for name in TABLES}
    samples, pictures = (read_samples(folder / name) for name in (SAMPLES, PICTURES))
    record = RunRecord(row=row, samples=samples, picture_samples=pictures, **tables)
    if reason := damage_of(str(folder), row, {}):
        raise DamagedRecord(reason)
    return record


def read_gradients(results: Path) -> Rows:
    """Read the rows of `gradients.csv`, none if there is no such file; may raise DamagedRecord."""
    path = Path(results) / GRADIENTS
    return guarded(_parse_gradients, path) if is_there(path) else []


def read_plan(results: Path) -> Plan:
    """Read the plan of an experiment; raise UserError if it cannot be read."""
    results = Path(results)
    return _plan(results, read_experiment(results / EXPERIMENT))


def read_experiment(path: Path) -> dict[str, Any]:
    """Read `experiment.yaml`; raise DamagedRecord if it is missing or not a mapping."""
    return guarded(lambda path: parse_experiment(read_text(path)), Path(path))


def _plan(results: Path, experiment: Mapping[str, Any]) -> Plan:
    def read(path: Path) -> Plan:
        return plan_of(experiment, read_text(path) if is_there(path) else None)

    return guarded(read, results / PLAN)


def _record_folders(path: Path, damaged: list[str]) -> list[str]:
    """Return the names of the runs in order; links among them are damaged.

    Raises UserError if there is neither a run nor a measurement.
    """
    if not folder_exists(path):
        raise UserError(f"{path}: no such results folder")
    if not is_there(path / EXPERIMENT):
        raise UserError(f"{path}: not a results folder (it has no {EXPERIMENT})")
    found = _or_damaged(lambda runs: guarded(run_folders, runs), path / RUNS, damaged)
    names, links = found or ([], [])
    damaged += [str(_linked(path / RUNS / name)) for name in links]
    if not names and not damaged and not is_there(path / GRADIENTS):
        raise UserError(f"{path}: has neither records in {RUNS}/ nor {GRADIENTS}")
    return names


def _rows(path: Path, names: list[str], reasons: dict[str, str]) -> Rows:
    """Return the rows of those runs that have a good one; `reasons` gets those that have not."""
    rows = []
    for name in names:
        row = os.path.join(path, RUNS, name, ROW)
        try:
            rows.append(_read_row(row))
        except BROKEN as error:
            reasons[name] = str(DamagedRecord(f"{row}: {one_line(error)}"))
    return rows


def _tables(path: Path, rows: Rows, reasons: dict[str, str]) -> dict[str, pd.DataFrame]:
    """Return the tables of all runs but the steps, which are read on demand."""

    def damage(run_id: str, reason: str) -> None:
        reasons.setdefault(run_id, str(DamagedRecord(reason)))

    runs = [(str(row["run_id"]), int(str(row["schema_version"]))) for row in rows]
    parent = os.path.join(path, RUNS)
    return {name: read_tables(name, runs, parent, damage) for name in TABLES if name != "steps"}


def _not_whole(path: Path, rows: Rows, plan: Plan) -> dict[str, str]:
    """Return the first reason why each record that is not whole is not, by run."""
    reasons = {}
    for row in rows:
        run_id = str(row["run_id"])
        folder, config = os.path.join(path, RUNS, run_id), plan.config(run_id)
        # Of the listed files, all but these are parsed.
        if reason := damage_of(folder, row, config, summed=(TABLES["steps"][0], *ARRAYS)):
            reasons[run_id] = str(DamagedRecord(reason))
    return reasons


def _without(table: pd.DataFrame, reasons: Mapping[str, str]) -> pd.DataFrame:
    if not reasons:
        return table
    # A name that is no UTF-8 is in no table, and pyarrow, where pandas has it, refuses it.
    names = [name for name in reasons if name == name.encode(errors="replace").decode()]
    return table[~table["run_id"].isin(names)].reset_index(drop=True)


def _frame(rows: Rows, columns: Mapping[str, str]) -> pd.DataFrame:
    import pandas as pd

    cells = {name: [row[name] for row in rows] for name in columns}
    return pd.DataFrame({name: pd.Series(cells[name], dtype=columns[name]) for name in columns})


def _rows_of_table(folder: Path, name: str, version: object) -> Rows:
    """Read one table of a record, none if it has no such file."""
    file, columns = TABLES[name]

    def read(_: Path) -> Rows:
        text = table_text(str(folder), name, folder.name, version)
        return [complete(row, columns) for row in read_table(text)] if text else []

    return guarded(read, folder / file)


def _read_row(path: str | Path) -> dict[str, object]:
    content = json.loads(read_text(path), parse_constant=_refuse_constant)
    if not isinstance(content, dict):
        raise ValueError("not a JSON object")
    version = content.get("schema_version")
    if version != SCHEMA_VERSION or content.keys() != RUN_COLUMNS.keys():
        columns = columns_of_version(RUN_COLUMNS, version)
        missing = [name for name in columns if name not in content]
        if missing:
            raise ValueError(f"columns are missing: {', '.join(missing)}")
    row = complete(content, RUN_COLUMNS)
    check_status(row)
    check_run_id(str(row["run_id"]))
    if math.inf in row.values() or -math.inf in row.values():
        raise ValueError("a number is infinite")  # 1e999: null is what is not finite
    folder = os.path.basename(os.path.dirname(path))
    if row["run_id"] != folder:
        raise ValueError(f"run_id {row['run_id']!r} differs from the name of its folder")
    return row


def _refuse_constant(text: str) -> None:
    raise ValueError(f"{text} is not valid JSON")


def _parse_gradients(path: Path) -> Rows:
    content = read_file(path)
    found = parse_rows(content, _gradient_columns(content))
    rows = [complete(row, GRADIENT_COLUMNS) for row in found]
    for row in rows:
        check_status(row)
        row["network"] = row["network"] or USUAL_NETWORK  # the only one before there was a choice
    return rows


def _gradient_columns(content: bytes) -> Mapping[str, str]:
    """The columns of the version that wrote a file of gradients; today's if it is none of them."""
    columns = dict(GRADIENT_COLUMNS)
    for added in ((), *reversed(GRADIENT_COLUMNS_ADDED)):
        columns = {name: kind for name, kind in columns.items() if name not in added}
        if content.startswith(f"{','.join(columns)}\n".encode()):
            return columns
    return GRADIENT_COLUMNS


def _or_damaged(read: Callable[[Path], Content], path: Path, damaged: list[str]) -> Content | None:
    try:
        return read(path)
    except UserError as error:
        damaged.append(str(error))
        return None
