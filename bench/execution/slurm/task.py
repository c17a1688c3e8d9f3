"""What a job does: it makes one run that is planned in a results folder, knowing only its name."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bench.errors import UserError
from bench.execution.order import Order, TimeLimit
from bench.execution.slurm.settings import SlurmSettings
from bench.execution.supervisor import supervise
from bench.experiment.identity import identity
from bench.experiment.layout import check_layout
from bench.experiment.spec import RunSpec
from bench.experiment.state import ENDED, Experiment, RunState
from bench.plugins import load_all
from bench.records import read_plan


@dataclass(frozen=True)
class PlannedRun:
    """Called with the id of a run that is planned in a results folder, it makes the run.

    The task is that id, and when the record that is to be replaced was started. It is pickled.
    """

    results: str
    plugins: tuple[str, ...] = ()
    settings: SlurmSettings = field(default_factory=SlurmSettings)
    callbacks: tuple[str, ...] = ()

    def __call__(self, task: tuple[str, str]) -> None:
        """Make the run; its record says how it went."""
        run_id, replaces = task
        seconds, minutes = self.settings.seconds_of_a_run, self.settings.minutes
        limit = TimeLimit(
            seconds, f"time limit reached after {seconds:g} s (slurm.minutes={minutes})"
        )
        make_planned_run(Path(self.results), run_id, self.plugins, replaces, limit, self.callbacks)


def make_planned_run(
    results: Path,
    run_id: str,
    plugins: Sequence[str] = (),
    replaces: str = "",
    limit: TimeLimit | None = None,
    callbacks: tuple[str, ...] = (),
) -> None:
    """Make the run unless it has been made, or somebody else is making it.

    replaces: when the record to be replaced was started, "" for none; limit: of time, beside the
    run's own; callbacks: those to tell of the run. Raises UserError if the run is not planned, and
    OSError if its record could not be written.
    """
    load_all(plugins)
    check_layout(results)
    plan = read_plan(results)
    config = plan.config(run_id)
    if not config:
        raise UserError(f"{results}: run {run_id!r} is not planned")
    spec = RunSpec(run_id, config, plan.method(run_id))
    experiment = Experiment(results, [spec])
    experiment.refresh(spec)
    state, attempt = experiment[run_id].state, experiment.attempt(run_id)
    if state is RunState.RUNNING or (state in ENDED and attempt != replaces):
        return
    order = Order(
        identity(spec),
        config,
        results,
        tuple(plugins),
        callbacks,
        replaces=attempt,
        outer_limit=limit,
    )
    outcome = supervise(order, lambda step, psnr: None, lambda: True)
    if not outcome.kept:
        raise OSError(outcome.reason)
