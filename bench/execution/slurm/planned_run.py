"""Makes one run that is planned in a results folder, from a process that knows only its name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from bench.errors import UserError
from bench.execution.supervisor import Job, supervise
from bench.execution.worker import TimeLimit
from bench.experiment.grid import RunSpec
from bench.experiment.state import ENDED, State, state_of
from bench.records import read_plan
from bench.registry import load_all


def make_planned_run(
    results: Path,
    run_id: str,
    plugins: Sequence[str] = (),
    replaces: str = "",
    limit: TimeLimit | None = None,
) -> None:
    """Make the run unless it has been made, or somebody else is making it.

    replaces: when the record to be replaced was started, "" for none; limit: of time, beside the
    run's own. Raises UserError if the run is not planned, and OSError if its record could not be
    written.
    """
    load_all(plugins)
    plan = read_plan(results)
    config = plan.config(run_id)
    if not config:
        raise UserError(f"{results}: no run {run_id!r} is planned")
    state = state_of(RunSpec(run_id, config, plan.method(run_id)), results)
    if state.state is State.RUNNING or (state.state in ENDED and state.attempt != replaces):
        return
    job = Job(
        state.identity,
        config,
        results,
        tuple(plugins),
        replaces=state.attempt,
        outer_limit=limit,
    )
    outcome = supervise(job, lambda step, psnr: None, lambda: True)
    if not outcome.kept:
        raise OSError(outcome.reason)
