"""The measurements of `bench gradients`: methods and budgets by cases, states and tolerances."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from torch import Tensor

from bench.config.plain import from_plain
from bench.config.settings import RunConfig
from bench.experiment.folder import experiment_hash
from bench.experiment.identity import classes_of, identity
from bench.experiment.spec import RunSpec
from bench.fidelity.progress import StudyProgress
from bench.fidelity.row import measure
from bench.fidelity.trained_weights import weights_at
from bench.machine.code_version import code_version
from bench.measurement.failure import describe_failure
from bench.measurement.gradient import Case, reference_gradient
from bench.measurement.reproducibility import settle_process
from bench.records import COMPLETED, read_gradients, write_gradients
from problems.base import problem_of_seed
from problems.data import make_pairs

Row = dict[str, object]
# The columns that tell which measurement a row is; those of its code and versions come to these.
MEASURED = (
    *("problem", "problem_params", "size", "layer", "layer_params", "network", "network_params"),
    *("method", "method_params", "seed", "device", "num_threads"),
)
UNTOLD = ("problem_params", "layer_params", "network_params")  # by earlier versions
ENTRANCE = "bench.fidelity.trained_weights"  # it reaches all that decides a gradient


@dataclass(frozen=True)
class Study:
    """Specs of one grid, the states of the weights and the forward tolerances (descending)."""

    specs: Sequence[RunSpec]
    states: Sequence[str]
    tolerances: Sequence[float]

    def cases(self) -> Iterator[tuple[str, list[RunSpec]]]:
        """Each state with the specs that differ in the method alone."""
        cases: dict[str, list[RunSpec]] = {}
        for spec in self.specs:
            fixed = {name: value for name, value in spec.config.items() if name != "method"}
            cases.setdefault(json.dumps(fixed, sort_keys=True), []).append(spec)
        for specs in cases.values():
            for state in self.states:
                yield state, specs


def study_hash(study: Study) -> str:
    """12 hexadecimal digits that change with any measurement of the study."""
    grid = experiment_hash(spec.run_id for spec in study.specs)
    parts = [grid, *study.states, *map(repr, study.tolerances)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def describe_study(study: Study, budgets: dict[str, Any]) -> dict[str, Any]:
    """What experiment.yaml says of the study, in plain form; the reports read `gradients`."""
    cases = {specs[0].run_id: specs[0].config for _, specs in study.cases()}.values()
    described = {
        "states": list(study.states),
        "tolerances": list(study.tolerances),
        "usual_tolerance": study.specs[0].config["forward"]["tolerance"],
        "budgets": budgets,
        "methods": list(dict.fromkeys(spec.method for spec in study.specs)),
        "cases": [{key: part for key, part in case.items() if key != "method"} for case in cases],
    }
    return {"gradients": described}


def run_study(study: Study, folder: Path, progress: StudyProgress) -> int:
    """Measure all that has no completed row yet; returns the number of failed measurements.

    The file is written after each method, so that an interrupt costs one of them.
    """
    settle_process(int(study.specs[0].config["num_threads"]))
    rows = [row for row in read_gradients(folder) if row["status"] == COMPLETED]
    write_gradients(folder, rows)
    for state, specs in study.cases():
        progress.prepare(specs[0], state)
        missing = [spec for spec in specs if not _measured(rows, spec, state, study.tolerances)]
        for spec in specs:
            if spec not in missing:
                progress.finish(spec, state, _rows_of(rows, spec, state), kept=True)
        for spec, found in _measure_case(missing, state, study.tolerances, progress):
            rows = [row for row in rows if not _is_of(row, spec, state)] + found
            write_gradients(folder, rows)
            progress.finish(spec, state, found)
    return sum(row["status"] != COMPLETED for row in rows)


def _measurement(spec: RunSpec, state: str) -> Row:
    """The columns that tell a measurement of one method at one state of the weights from others."""
    known, batch_size = identity(spec), spec.config["train"]["batch_size"]
    return {name: known[name] for name in MEASURED} | {"state": state, "batch_size": batch_size}


def _identity(spec: RunSpec, state: str) -> Row:
    """The same with the code and the versions of the libraries that measure it now."""
    return {
        **_measurement(spec, state),
        "code_version": code_version(classes_of(spec.config), ENTRANCE),
        "library_versions": identity(spec)["library_versions"],
    }


def _is_of(row: Row, spec: RunSpec, state: str) -> bool:
    """Whether a row is this measurement; one that does not tell its parameters is taken for it."""
    known = _measurement(spec, state).items()
    return all(row[name] == value or (name in UNTOLD and not row[name]) for name, value in known)


def _rows_of(rows: Sequence[Row], spec: RunSpec, state: str) -> list[Row]:
    """Those of one measurement that the code and the libraries of now would make again."""
    now = _identity(spec, state)
    return [row for row in rows if all(row[name] == value for name, value in now.items())]


def _measured(rows: Sequence[Row], spec: RunSpec, state: str, tolerances: Sequence[float]) -> bool:
    """Whether every tolerance has its row, or the one of a method that uses none."""
    found = {float(str(row["tolerance"])) for row in _rows_of(rows, spec, state)}
    return any(each != each for each in found) or set(tolerances) <= found


def _measure_case(
    specs: Sequence[RunSpec], state: str, tolerances: Sequence[float], progress: StudyProgress
) -> Iterator[tuple[RunSpec, list[Row]]]:
    """The rows of each spec of one case; those of a case that cannot be made say why."""
    if not specs:
        return
    try:
        case, reference = _prepare(from_plain(specs[0].config), state)
    except Exception as error:
        status, message = describe_failure(error)
        for spec in specs:
            failed = {**_identity(spec, state), "status": status, "message": message}
            yield spec, [{**failed, "tolerance": tolerance} for tolerance in tolerances]
        return
    for spec in specs:
        progress.start(spec, state)
        measured = _measure_spec(from_plain(spec.config).method, case, reference, tolerances)
        yield spec, [{**_identity(spec, state), **row} for row in measured]


def _prepare(config: RunConfig, state: str) -> tuple[Case, Tensor]:
    """The case of one configuration and state, and its reference gradient."""
    config = replace(config, problem=problem_of_seed(config.problem, config.seed))
    problem, images, count = config.problem, config.images, config.train.batch_size
    physics = problem.physics(config.device)
    batch = make_pairs(problem, physics, images, "train", count, config.seed, config.device)
    case = Case(config, physics, batch, weights_at(state, config))
    return case, reference_gradient(case)


def _measure_spec(
    method: Any, case: Case, reference: Tensor, tolerances: Sequence[float]
) -> Iterator[Row]:
    """A row for each tolerance; one alone if the method does not use the forward solver."""
    for tolerance in tolerances:
        try:
            row = measure(method, case, reference, tolerance)
        except Exception as error:
            status, message = describe_failure(error)
            row = {"tolerance": tolerance, "status": status, "message": message}
        yield row
        if row["tolerance"] != tolerance:
            return
