"""Checkpoints: a training that was killed goes on as if it had not been."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.measurement.training_log import TrainingLog
from bench.records import CURVE_COLUMNS, METRIC_COLUMNS, STEP_COLUMNS
from bench.records.model import Rows
from methods.training.checkpoint_file import CheckpointFile, State

if TYPE_CHECKING:
    from bench.measurement.models import TrainedModel
    from methods.training.one_cycle import OneCycleAdam

# What is kept by its attribute's name, beside the solves of each trace.
KEPT = {
    "model": ("evaluations", "vjps", "iterations"),
    "clock": ("phases", "cpu_seconds"),
    "log": ("eval_seconds", "checkpoint_seconds", "resumptions", "curve", "steps", "metrics"),
}
SOLVES = ("forward", "adjoint")
ROWS = {"curve": CURVE_COLUMNS, "steps": STEP_COLUMNS, "metrics": METRIC_COLUMNS}


class Checkpoint:
    """The state of a training in one file: all that decides what it computes and what it reports.

    That is weights, optimiser, schedule, global generators, what the method keeps from step to
    step and the fixed points; clock, counts, curve, steps and metrics. The order of the data
    follows from the number of steps. path, key, every_seconds: of the file.
    """

    def __init__(self, path: Path, key: str, every_seconds: float = 0.0) -> None:
        self._file = CheckpointFile(path, key, every_seconds)

    def keep(self, model: TrainedModel, optimiser: OneCycleAdam, log: TrainingLog) -> None:
        """Write the state if it is time to; to be called between two steps, outside the clock."""
        if not self._file.due:
            return
        started = time.perf_counter()
        self._file.save(_state_of(model, optimiser, log))
        log.checkpoint_seconds += time.perf_counter() - started

    def restore(self, model: TrainedModel, optimiser: OneCycleAdam, log: TrainingLog) -> bool:
        """Go back to the state that was kept; False, with nothing changed, if there is none.

        A file that is damaged, of another key or of other shapes counts as none.
        """
        from bench.measurement.method_state import on_devices
        from bench.measurement.reproducibility import random_state, restore_random_state

        state = self._file.load()
        if state is None:
            return False
        device = log.clock.device
        before = random_state(device)
        try:
            measured = _measured_in(state)
            kept = on_devices(state["method_state"], state["method_devices"])
            points = on_devices(state["fixed_points"], state["point_devices"])
            optimiser.check(state["optimiser"])
            restore_random_state(state["random"], device)
        except Exception as error:  # whatever does not fit: to train anew is always right
            restore_random_state(before, device)
            self._file.refuse(str(error))
            return False
        optimiser.restore(state["optimiser"])
        _give(measured, model, log)
        model.method_state, model.fixed_points = kept, points
        return True

    def discard(self) -> None:
        """Remove the file, and its folder with the last one."""
        self._file.discard()
        with suppress(OSError):  # others are still in it
            self._file.path.parent.rmdir()


def _state_of(model: TrainedModel, optimiser: OneCycleAdam, log: TrainingLog) -> State:
    from bench.measurement.method_state import devices_of
    from bench.measurement.reproducibility import random_state

    parts = {"model": model, "clock": log.clock, "log": log}
    kept = {part: {name: getattr(parts[part], name) for name in KEPT[part]} for part in KEPT}
    return {
        "optimiser": optimiser.state(),
        "random": random_state(log.clock.device),
        "method_state": model.method_state,
        "method_devices": devices_of(model.method_state),
        "fixed_points": model.fixed_points,
        "point_devices": devices_of(model.fixed_points),
        "trace": {name: dict(vars(getattr(model.trace, name))) for name in SOLVES},
        "wall_seconds": log.wall_seconds,
        **kept,
    }


def _measured_in(state: State) -> State:
    """What the state says beside weights and generators; errors of many types if it is no such."""
    measured: State = {part: {n: state[part][n] for n in names} for part, names in KEPT.items()}
    measured["log"].update({name: _rows(state["log"], name) for name in ROWS})
    measured["trace"] = {name: _solve_log(state["trace"][name]) for name in SOLVES}
    measured["wall_seconds"] = float(state["wall_seconds"])
    return measured


def _rows(log: Mapping[str, Any], name: str) -> Rows:
    """The rows of one table of the log; ValueError if they have other columns."""
    columns = ROWS[name].keys() - {"run_id"}
    if any(row.keys() != columns for row in log[name]):
        raise ValueError(f"its table {name!r} has different columns")
    return [*log[name]]


def _give(measured: State, model: TrainedModel, log: TrainingLog) -> None:
    targets = {"model": model, "trace": model.trace, "clock": log.clock, "log": log}
    for part, target in targets.items():
        for name, value in measured[part].items():
            setattr(target, name, value)
    log.resumptions += 1
    log.started -= measured["wall_seconds"]


def _solve_log(values: Mapping[str, Any]) -> Any:
    from methods.solvers.trace import SolveLog

    return SolveLog(**{**values, "statuses": Counter(values["statuses"])})
