"""The noise of full-length repeats of one run, which a results folder may hold besides its grid."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.records import Results, load_results
from bench.records.model import REPEATS
from reports.data.grouping import completed
from reports.data.noise import MeasuredNoise, NoiseFloor
from reports.data.times import training_times
from reports.format import counted, printable
from reports.stats.aggregate import Array

_CHOSEN = ["problem", "layer", "network", "method"]
_RUN = ["size", *_CHOSEN, *(f"{name}_params" for name in _CHOSEN), "seed"]
_ALIKE = [*_RUN, "config_hash", "device", "num_threads", "fingerprint"]


def with_repeats(floor: NoiseFloor, results: Results, targets: pd.Series[float]) -> NoiseFloor:
    """Return the floors of the repeats of `results`, if it has any; else `floor`, with a note why.

    targets: the target (dB) of each run of the grid, by run_id; that of the repeated run counts.
    """
    folder = results.path / REPEATS
    if not folder.is_dir() or folder.is_symlink():
        return floor
    try:
        repeats = load_results(folder)
    except UserError as error:
        return _ignored(floor, str(error))
    runs = _executions_of_one(completed(repeats.runs))
    if len(runs) < 2:
        return _ignored(floor, f"{counted(len(runs), 'execution')} of one run completed")
    level = np.full(len(runs), _target(runs, results.runs, targets))
    times = training_times(runs, repeats.curves, level)
    measured: dict[str, Array] = {
        "step": (runs["train_seconds"] / runs["steps"]).to_numpy(),
        "target": times["reached"].to_numpy(),
        "image": runs["reconstruct_seconds_per_image"].to_numpy(),
    }
    found = {name: noise_of_executions(each) for name, each in measured.items()}
    return floor.repeated({name: each for name, each in found.items() if each.known}, runs)


def noise_of_executions(values: Array) -> MeasuredNoise:
    """Return the noise of a measure, (n,), of n executions of one run; unknown below two.

    The difference of two has twice the variance of ln(values), which has n - 1 degrees of freedom.
    Where one is not positive and finite, such as a target that was not kept, it is unknown.
    """
    if len(values) < 2 or not (np.isfinite(values) & (values > 0)).all():
        return MeasuredNoise()
    deviation = math.sqrt(2 * float(np.log(values).var(ddof=1)))
    return MeasuredNoise(deviation, len(values) - 1, quick=False)


def _executions_of_one(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that are executions of the same work: the most, if there are several."""
    if runs.empty:
        return runs
    return max((own for _, own in runs.groupby(_ALIKE, dropna=False)), key=len)


def _target(runs: pd.DataFrame, grid: pd.DataFrame, targets: pd.Series[float]) -> float:
    """Return the target of the run of the grid that is repeated; NaN if it is not there."""
    same = (grid[_RUN] == runs[_RUN].iloc[0]).all(axis=1)
    levels = targets.reindex(grid.loc[same, "run_id"])
    return float(levels.iloc[0]) if len(levels) else math.nan


def _ignored(floor: NoiseFloor, reason: str) -> NoiseFloor:
    return replace(floor, note=f"The full-length repeats were not used: {printable(reason, 300)}.")
