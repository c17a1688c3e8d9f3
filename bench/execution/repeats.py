"""Repeats of one of a grid's own runs, at full length: the noise floor of the grid itself.

They are an experiment of their own in a folder inside that of the grid. Half of them are made
before the grid and half after it, so that what the machine drifts over its hours is among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from bench.errors import UserError
from bench.experiment.files import archive
from bench.experiment.folder import EXPERIMENT_FILE, prepare_folder
from bench.experiment.layout import check_layout
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment
from bench.records import Plan, read_plan, write_plan
from bench.records.model import REPEATS
from bench.registry import METHODS

FEWEST_REPEATS = 2


def repeats_of(specs: Sequence[RunSpec], count: int) -> list[RunSpec]:
    """`count` repeats of a run of the grid, named as that run with -r0, -r1, … behind.

    It is the first run of the first seed that trains an implicit network, or else the first run.
    """
    first = [spec for spec in specs if spec.seed == specs[0].seed]
    chosen = next(filter(_is_gradient, first), specs[0])
    return [replace(chosen, run_id=f"{chosen.run_id}-r{number}") for number in range(count)]


def _is_gradient(spec: RunSpec) -> bool:
    method = METHODS.get(spec.config["method"]["name"])
    return getattr(method, "family", "gradient") == "gradient"


def prepare_repeats(
    folder: Path, repeats: Sequence[RunSpec], request: dict[str, Any]
) -> tuple[Experiment, Experiment]:
    """Make the folder of the repeats inside the grid's; those before the grid, and those after.

    Repeats of another run, with other settings or above the number are moved to `superseded/`.
    Raises UserError as `prepare_folder`.
    """
    own = folder / REPEATS
    check_layout(own)
    if (own / EXPERIMENT_FILE).exists():
        _keep_only(own, {spec.run_id for spec in repeats})
    prepare_folder(own, repeats, request)
    middle = (len(repeats) + 1) // 2
    return Experiment.open(own, repeats[:middle]), Experiment.open(own, repeats[middle:])


def _keep_only(own: Path, names: set[str]) -> None:
    """Take every other run out of the plan, which holds the repeats of one run alone."""
    plan = read_plan(own)
    if plan.runs.keys() <= names:
        return
    try:
        for run_id in plan.runs.keys() - names:
            archive(own, run_id)
        kept = {run_id: run for run_id, run in plan.runs.items() if run_id in names}
        write_plan(own, Plan(plan.configurations, kept))
    except OSError as error:
        raise UserError(f"cannot write to {own}: {error.strerror}") from error
