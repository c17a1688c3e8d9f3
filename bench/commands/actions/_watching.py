"""Makes the report of a results folder again and again while its runs are made."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from bench.errors import UserError, counted, printable
from bench.execution.slurm.queue import job_standings
from bench.experiment.state import ENDED, Experiment
from bench.machine.collector import collector_paused


def watch(folder: Path, seconds: float, options: Mapping[str, Any]) -> None:
    """Renew the report of a folder whenever a record is added; return when every run has ended.

    seconds: from one look to the next; options: of `write_report`. A line on stderr tells of each
    renewal. Raises UserError for what is no results folder. Interrupted, it leaves the last report.
    """
    seen: frozenset[tuple[str, object]] | None = None
    while not _is_complete(experiment := _look(folder)):
        records = _records(experiment)
        if records != seen:
            seen = records
            _say(experiment, _renewed(folder, options) if records else "no record yet")
        time.sleep(seconds)


def _look(folder: Path) -> Experiment:
    with collector_paused():
        experiment = Experiment.read(folder, job_standings(folder))
    if not experiment.specs:
        raise UserError(f"{folder}: contains neither planned runs nor records")
    return experiment


def _is_complete(experiment: Experiment) -> bool:
    return experiment.count(*ENDED) == len(experiment.specs)


def _records(experiment: Experiment) -> frozenset[tuple[str, object]]:
    """The name and the start of every run that has ended: a run that is repeated is a new one."""
    return frozenset(
        (spec.run_id, standing.row and standing.row["started_at"])
        for spec, standing in experiment
        if standing.state in ENDED
    )


def _renewed(folder: Path, options: Mapping[str, Any]) -> str:
    """Make the report anew and say so, or why not: it may need runs that are still to come."""
    from reports.report import write_report

    try:
        with collector_paused():
            problems = write_report(folder, **options).problems
    except UserError as error:
        return f"no report: {error}"
    warned = f", with {counted(len(problems), 'warning')}" if problems else ""
    return f"report renewed{warned}"


def _say(experiment: Experiment, what: str) -> None:
    ended, total = experiment.count(*ENDED), len(experiment.specs)
    line = f"{datetime.now():%H:%M:%S} [{ended}/{total}] {what} ({experiment})"
    print(printable(line, 300), file=sys.stderr)
