"""Results folders that are legal and extreme: what tables and figures must survive.

Every number and text is one that `write_record` accepts: infinite, missing, denormal and huge
numbers, constant columns, a single row, none, and names that are markup, formulas or control codes.
"""

from __future__ import annotations

import math
import random
from pathlib import Path
from typing import Any

from bench.records import RunRecord, write_experiment, write_gradients, write_plan, write_record
from bench.records.plan import Plan
from bench.records.schema import (
    CURVE_COLUMNS,
    FINITE,
    GRADIENT_COLUMNS,
    IMAGE_COLUMNS,
    MEMORY_COLUMNS,
    METRIC_COLUMNS,
    RECONSTRUCTION_COLUMNS,
    RUN_COLUMNS,
    STEP_COLUMNS,
)
from tests.support import gradient_rows
from tests.support import records as factories

FINITE_NUMBERS = (
    0.0,
    -0.0,
    -1.0,
    1.0,
    5e-324,
    1e-310,
    1e-99,
    1e100,
    -1e100,
    3.4e38,
    0.1,
    1 + 1e-15,
)
NUMBERS = (*FINITE_NUMBERS, math.nan, math.inf, -math.inf)
INTEGERS = (0, -1, 1, 2, 2**31, 2**63 - 1, -(2**63) + 1)
NAMES = (
    *(
        "$x^{$",
        "$$",
        "_",
        "a_b",
        "\\",
        "\\frac{",
        "<b>",
        "&amp;",
        "🙂",
        "ß𝔘中文",
        "\u202egnp",
        "%s{}",
    ),
    *("line\nbreak", "tab\t", "\r", "\x1b[2J\x1b]0;x\x07", "nul\0", "n" * 3000, " ", "=1+1", "|a|"),
    *(
        "[",
        "](x)",
        "#",
        "nan",
        "None",
        "'",
        '"',
        "a,b",
        "{{7*7}}",
        "\u2028",
        "\ud7ff",
        "{",
        "\x9b31m",
    ),
)
_TABLES = {
    "curve": CURVE_COLUMNS,
    "steps": STEP_COLUMNS,
    "reconstruction": RECONSTRUCTION_COLUMNS,
    "memory": MEMORY_COLUMNS,
    "images": IMAGE_COLUMNS,
    "metrics": METRIC_COLUMNS,
}
_KEPT = ("run_id", "status", "schema_version", "seed", "method", "problem", "size")
_GRADIENT_COLUMNS = {
    name: kind for name, kind in GRADIENT_COLUMNS.items() if name != "method_params"
}
Row = dict[str, Any]


def write_hostile(folder: Path, case: int) -> Path:
    """Write the results folder of a case: a few methods by a few seeds, and gradients.

    In every other case a single column is extreme, in the rest many are, and rows are missing.
    """
    chance = random.Random(case)
    folder.mkdir(parents=True, exist_ok=True)
    plan = Plan()
    records, gradients = _focused(chance) if case % 2 else (_records(chance), _gradients(chance))
    for number, record in enumerate(records):
        record.row["run_id"] = f"run-{number}"
        write_record(folder, record)
        tolerance = chance.choice((1e-4, 5e-324, 1e100))
        plan.configurations[str(number)] = {"config": {"forward": {"tolerance": tolerance}}}
        plan.runs[f"run-{number}"] = (str(number), int(str(record.row["seed"])))
    described = {**factories.EXPERIMENT, "configurations": plan.configurations}
    described[chance.choice(NAMES)] = chance.choice(NAMES)
    write_experiment(folder / "experiment.yaml", described)
    write_plan(folder, plan)
    write_gradients(folder, gradients)
    return folder


def _focused(chance: random.Random) -> tuple[list[RunRecord], list[Row]]:
    """Two seeds of four methods, and gradients, with one value in one column of one table."""
    methods = ("jfb", "unrolling", "dncnn", "tv")
    records = [factories.run_record(name, seed) for seed in range(2) for name in methods]
    tables = {
        name: (columns, [getattr(each, name) for each in records])
        for name, columns in _TABLES.items()
    }
    tables["row"] = (RUN_COLUMNS, [[record.row] for record in records])
    gradients: list[Row] = gradient_rows.study_rows(sizes=(16,), seeds=2, states=("initial",))
    tables["gradients"] = (_GRADIENT_COLUMNS, [[row] for row in gradients])
    columns, parts = tables[chance.choice((*tables, "row", "row", "curve", "gradients"))]
    name = chance.choice([each for each in columns if each not in _KEPT])
    value, share = _value(name, columns, chance), chance.choice((0.3, 1.0, 1.0))
    for rows in parts:
        if chance.random() < share:
            for row in rows:
                row[name] = value
    return records, gradients


def _records(chance: random.Random) -> list[RunRecord]:
    known = chance.sample(factories.METHODS, chance.choice((1, 2, 4)))
    strange = dict.fromkeys(chance.sample(NAMES, chance.choice((0, 1, 2))))
    workloads = chance.choice((1, 1, 2))
    problems = [("motion", 32), (chance.choice(NAMES), chance.choice(INTEGERS))][:workloads]
    found = []
    for seed in range(chance.choice((1, 2, 3))):
        for problem, size in problems:
            found += [_run(method, method, seed, problem, size) for method in known]
            found += [_run("jfb", name, seed, problem, size) for name in strange]
    rows: list[Row] = [record.row for record in found]
    _spoil(rows, RUN_COLUMNS, chance)
    for name, columns in _TABLES.items():
        together = [row for record in found for row in getattr(record, name)]
        _spoil(together, columns, chance)
    for record in found:
        for name in _TABLES:
            _shorten(getattr(record, name), chance)
        if chance.random() < 0.15:
            record.row["status"] = chance.choice(("error", "timeout", "skipped", "diverged"))
    return found


def _run(law: str, name: str, seed: int, problem: str, size: int) -> RunRecord:
    """A run with the numbers of the method `law`, under another name, problem and size."""
    record = factories.run_record(law, seed)
    record.row.update(method=name, problem=problem, size=size)
    return record


def _spoil(rows: list[Row], columns: dict[str, str], chance: random.Random) -> None:
    """Put extreme values into a few columns: one value in all rows, or any in some."""
    able = [name for name in columns if name not in _KEPT]
    for name in chance.sample(able, min(len(able), chance.choice((0, 1, 2, 4)))):
        share, same = chance.choice((0.05, 0.5, 1.0)), chance.choice((None, None, True))
        constant = _value(name, columns, chance)
        for row in rows:
            if chance.random() < share:
                row[name] = constant if same else _value(name, columns, chance)


def _value(name: str, columns: dict[str, str], chance: random.Random) -> object:
    if columns[name] == "str":
        return chance.choice(NAMES)
    if columns[name] == "int64":
        return chance.choice(INTEGERS)
    finite = columns is RUN_COLUMNS or name in FINITE
    return chance.choice((*FINITE_NUMBERS, None) if finite else NUMBERS)


def _shorten(rows: list[Row], chance: random.Random) -> None:
    kept = chance.choice((None, None, None, None, 1, 0))
    if kept is not None:
        del rows[kept:]


def _gradients(chance: random.Random) -> list[Row]:
    seeds, states = chance.choice((1, 2)), chance.choice((("initial",), ("initial", "trained")))
    sizes = chance.choice(((16,), (16,), (16, 32)))
    rows: list[Row] = gradient_rows.study_rows(sizes=sizes, seeds=seeds, states=states)
    _spoil(rows, _GRADIENT_COLUMNS, chance)
    for row in rows:
        row["method"] = row["method"] or "?"
        row["state"] = row["state"] or "?"
    return rows[: chance.choice((1, 3, len(rows), len(rows)))]
