"""Checkpoints: a training that was killed goes on as if it had not been."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.experiment.files import checkpoint_file
from bench.experiment.identity import run_key
from bench.records.schema import CURVE_COLUMNS, STEP_COLUMNS
from methods.training.checkpoint_file import CheckpointFile, State

if TYPE_CHECKING:  # who only discards a checkpoint need not wait for torch
    from torch import Tensor

    from bench.measurement.models import TrainedModel
    from bench.measurement.training import Training
    from methods.solvers.trace import SolveLog
    from methods.training.one_cycle import OneCycleAdam

# What is kept by its attribute's name: of the model, of its trace, and of the training.
COUNTS = ("evaluations", "vjps")
SOLVES = ("forward", "adjoint")
TOTALS = ("eval_seconds", "checkpoint_seconds", "resumptions")
Rows = list[dict[str, object]]


class Checkpoint:
    """The state of a training in one file: all that decides what it computes and what it reports.

    That is weights, optimiser, schedule and global generators; clock, counts, curve and steps. The
    order of the data follows from the number of steps. path, key, every_seconds: of the file.
    """

    def __init__(self, path: Path, key: str, every_seconds: float = 0.0) -> None:
        self._file = CheckpointFile(path, key, every_seconds)

    def keep(self, model: TrainedModel, optimiser: OneCycleAdam, training: Training) -> None:
        """Write the state if it is time to; to be called between two steps, outside the clock."""
        if not self._file.due:
            return
        started = time.perf_counter()
        self._file.save(_state_of(model, optimiser, training))
        training.checkpoint_seconds += time.perf_counter() - started

    def restore(self, model: TrainedModel, optimiser: OneCycleAdam, training: Training) -> bool:
        """Go back to the state that was kept; False, with nothing changed, if there is none.

        A file that is damaged, of another key or of other shapes counts as none.
        """
        from bench.measurement.random_state import random_state, restore_random_state

        state = self._file.load()
        if state is None:
            return False
        device = training.clock.device
        own = random_state(device)
        try:
            measured = _measured_in(state)
            optimiser.check(state["optimiser"])
            restore_random_state(state["random"], device)
        except Exception as error:  # whatever does not fit: to train anew is always right
            restore_random_state(own, device)
            self._file.refuse(str(error))
            return False
        optimiser.restore(state["optimiser"])
        _give(measured, model, training)
        return True

    def discard(self) -> None:
        """Remove the file, and its folder with the last one."""
        self._file.discard()
        with suppress(OSError):  # others are still in it
            self._file.path.parent.rmdir()


def checkpoint_of(row: Mapping[str, object], results: Path, every_seconds: float) -> Checkpoint:
    """The checkpoint of the run with this `identity`: results/checkpoints/<run_id>.safetensors.

    Its key is the run's, and the model of the device: a training goes on only where an
    uninterrupted one would have computed, and timed, the same.
    """
    key = f"{run_key(row)} on {row.get('device_name', '')}"
    return Checkpoint(checkpoint_file(results, str(row["run_id"])), key, every_seconds)


def _state_of(model: TrainedModel, optimiser: OneCycleAdam, training: Training) -> State:
    from bench.measurement.random_state import random_state

    clock = training.clock
    return {
        "optimiser": optimiser.state(),
        "random": random_state(clock.device),
        "model": {name: getattr(model, name) for name in COUNTS},
        "trace": {name: dict(vars(getattr(model.trace, name))) for name in SOLVES},
        "clock": {"phases": clock.phases, "cpu_seconds": clock.cpu_seconds},
        "training": {name: getattr(training, name) for name in TOTALS},
        "wall_seconds": time.perf_counter() - training.started,
        "curve": _to_table(training.curve, CURVE_COLUMNS),
        "steps": _to_table(training.steps, STEP_COLUMNS),
    }


def _measured_in(state: State) -> State:
    """What the state says beside weights and generators; errors of many types if it is no such."""
    return {
        "model": {name: state["model"][name] for name in COUNTS},
        "trace": {name: _solve_log(state["trace"][name]) for name in SOLVES},
        "clock": {name: state["clock"][name] for name in ("phases", "cpu_seconds")},
        "training": {name: state["training"][name] for name in TOTALS},
        "wall_seconds": float(state["wall_seconds"]),
        "curve": _from_table(state["curve"], CURVE_COLUMNS),
        "steps": _from_table(state["steps"], STEP_COLUMNS),
    }


def _give(measured: State, model: TrainedModel, training: Training) -> None:
    _assign(model, measured["model"])
    _assign(model.trace, measured["trace"])
    _assign(training.clock, measured["clock"])
    _assign(training, measured["training"])
    training.curve[:], training.steps[:] = measured["curve"], measured["steps"]
    training.resumptions += 1
    training.started -= measured["wall_seconds"]


def _assign(target: object, values: Mapping[str, Any]) -> None:
    for name, value in values.items():
        setattr(target, name, value)


def _solve_log(values: Mapping[str, Any]) -> SolveLog:
    from methods.solvers.trace import SolveLog

    return SolveLog(**{**values, "statuses": Counter(values["statuses"])})


def _to_table(rows: Rows, columns: Mapping[str, str]) -> Tensor:
    """The rows as float64 (rows, columns): every float to its last bit, NaN included."""
    import torch

    names = _measured(columns)
    values = [[row[name] for name in names] for row in rows]
    return torch.tensor(values, dtype=torch.float64).view(len(rows), len(names))


def _from_table(table: Tensor, columns: Mapping[str, str]) -> Rows:
    """The inverse of `_to_table`; ValueError if it has other columns."""
    names = _measured(columns)
    return [
        {
            name: int(value) if columns[name] == "int64" else value
            for name, value in zip(names, values, strict=True)
        }
        for values in table.tolist()
    ]


def _measured(columns: Iterable[str]) -> list[str]:
    """All columns but the run's name."""
    return [name for name in columns if name != "run_id"]
