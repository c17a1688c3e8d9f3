"""The measurements of `bench gradients`: methods and budgets by cases, states and tolerances."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UserError
from bench.experiment.folder import experiment_hash
from bench.experiment.grid import RunSpec
from bench.experiment.identity import identity
from bench.experiment.selection import MethodChoice, parse_methods
from bench.records import COMPLETED, read_gradients, write_gradients
from bench.registry import METHODS

if TYPE_CHECKING:  # torch is only needed once measuring begins
    from bench.config.settings import RunConfig
    from bench.fidelity.progress import StudyProgress

Row = dict[str, object]
IDENTITY = ("problem", "size", "layer", "method", "method_params", "seed", "device", "num_threads")


@dataclass(frozen=True)
class Budget:
    """A method that is swept by default: the parameter that buys accuracy, and its values."""

    parameter: str
    values: tuple[Any, ...]
    default: dict[str, Any]  # all parameters of the method as it is registered


# ---------------------------------------------------------------------------- what to measure


def chosen_methods(text: str) -> list[MethodChoice]:
    """The gradient methods of --methods; those without brackets once for each budget.

    Raises UserError if a method that is no gradient method is named.
    """
    choices = []
    for choice in parse_methods(text):
        if getattr(METHODS.get(choice.name), "family", "gradient") == "gradient":
            choices += _with_budgets(choice)
        elif re.search(rf"(^|,)\s*{choice.name}\s*(,|\[|$)", text):
            raise UserError(f"method {choice.name!r} has no gradient to measure: it has no layer")
    if not choices:
        raise UserError("no gradient method is given")
    return choices


def _with_budgets(choice: MethodChoice) -> list[MethodChoice]:
    swept = None if choice.parameters else budget_of(choice.name)
    if swept is None:
        return [choice]
    return [MethodChoice(choice.name, (f"{swept.parameter}={value}",)) for value in swept.values]


def budget_of(name: str) -> Budget | None:
    """What a method is swept over by default, its own default value included."""
    from bench.config.settings import parameters_of

    cls = METHODS.get(name)
    budget = getattr(cls, "budget", None)
    if budget is None:
        return None
    parameter, values = budget
    default = parameters_of(cls())
    return Budget(parameter, tuple(sorted({*values, default[parameter]})), default)


def swept_by_default(methods: str, choices: Iterable[MethodChoice]) -> dict[str, Any]:
    """For the reports: the budget of each method, and whether its values were chosen for it."""
    bare = {choice.name for choice in parse_methods(methods) if not choice.parameters}
    budgets = {}
    for name in dict.fromkeys(choice.name for choice in choices):
        if budget := budget_of(name):
            default = json.dumps(budget.default, sort_keys=True)
            budgets[name] = {
                "parameter": budget.parameter,
                "default": default if name in bare else "",
            }
    return budgets


# ---------------------------------------------------------------------------------- measuring


@dataclass(frozen=True)
class Study:
    """Specs of one grid, the states of the weights and the forward tolerances (descending)."""

    specs: Sequence[RunSpec]
    states: Sequence[str]
    tolerances: Sequence[float]

    def cases(self) -> Iterator[tuple[str, list[RunSpec]]]:
        """Each state with the specs that differ in the method alone."""
        alike: dict[str, list[RunSpec]] = {}
        for spec in self.specs:
            fixed = {name: value for name, value in spec.config.items() if name != "method"}
            alike.setdefault(json.dumps(fixed, sort_keys=True), []).append(spec)
        for specs in alike.values():
            for state in self.states:
                yield state, specs


def study_hash(study: Study) -> str:
    """12 hexadecimal digits that change with any measurement of the study."""
    said = [
        experiment_hash(spec.run_id for spec in study.specs),
        *study.states,
        *map(repr, study.tolerances),
    ]
    return hashlib.sha256("\n".join(said).encode()).hexdigest()[:12]


def describe_study(study: Study, budgets: dict[str, Any]) -> dict[str, Any]:
    """What experiment.yaml says of the study, in plain form; the reports read `gradients`."""
    configurations = {}
    for _, specs in study.cases():
        config = {name: value for name, value in specs[0].config.items() if name != "method"}
        configurations[specs[0].run_id] = config
    return {
        "gradients": {
            "states": list(study.states),
            "tolerances": list(study.tolerances),
            "usual_tolerance": study.specs[0].config["forward"]["tolerance"],
            "budgets": budgets,
            "methods": list(dict.fromkeys(spec.method for spec in study.specs)),
            "cases": list(configurations.values()),
        }
    }


def run_study(study: Study, folder: Path, progress: StudyProgress) -> int:
    """Measure all that has no completed row yet; returns the number of failed measurements.

    The file is written after each method, so that an interrupt costs one of them.
    """
    from bench.measurement.process import settle_process

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
            rows = [row for row in rows if not _same(row, spec, state)] + found
            write_gradients(folder, rows)
            progress.finish(spec, state, found)
    return sum(row["status"] != COMPLETED for row in rows)


def _identity(spec: RunSpec, state: str) -> Row:
    known = identity(spec.run_id, spec.config, spec.config_hash)
    batch_size = spec.config["train"]["batch_size"]
    return {name: known[name] for name in IDENTITY} | {"state": state, "batch_size": batch_size}


def _same(row: Row, spec: RunSpec, state: str) -> bool:
    expected = _identity(spec, state)
    return all(row[name] == value for name, value in expected.items())


def _rows_of(rows: Sequence[Row], spec: RunSpec, state: str) -> list[Row]:
    return [row for row in rows if _same(row, spec, state)]


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
    from bench.config.settings import from_plain
    from bench.measurement.failure import describe_failure

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


def _prepare(config: RunConfig, state: str) -> tuple[Any, Any]:
    """The case of one configuration and state, and its reference gradient."""
    from bench.fidelity.gradient import Case, reference_gradient
    from bench.fidelity.trained_weights import weights_at
    from problems.data import make_pairs

    physics = config.problem.physics(config.device)
    count = config.train.batch_size
    batch = make_pairs(
        config.problem, physics, config.images, "train", count, config.seed, config.device
    )
    case = Case(config, physics, batch, weights_at(state, config))
    return case, reference_gradient(case)


def _measure_spec(
    method: Any, case: Any, reference: Any, tolerances: Sequence[float]
) -> Iterator[Row]:
    """A row for each tolerance; one alone if the method does not use the forward solver."""
    from bench.fidelity.gradient import measure
    from bench.measurement.failure import describe_failure

    for tolerance in tolerances:
        try:
            row = measure(method, case, reference, tolerance)
        except Exception as error:
            status, message = describe_failure(error)
            row = {"tolerance": tolerance, "status": status, "message": message}
        yield row
        if row["tolerance"] != tolerance:
            return
