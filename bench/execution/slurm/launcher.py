"""Makes an experiment on a Slurm cluster: submits what is due, and leaves or waits."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError
from bench.execution.slurm.cluster import (
    ENDED,
    UNKNOWN,
    PlannedRun,
    SlurmSettings,
    largest_array,
    states,
    submission_folder,
    submit,
)
from bench.execution.slurm.jobs_file import read_jobs, write_jobs
from bench.experiment.claims import folder_lock
from bench.experiment.state import RunState, State

POLL_SECONDS = 5.0
Task = tuple[str, str]  # of a PlannedRun


@dataclass(frozen=True)
class Submission:
    """The job of each run that was submitted now, and of those that were in the queue before."""

    new: dict[str, str]
    before: dict[str, str]

    def said(self) -> list[str]:
        """What a user wants to know, a line each."""
        arrays = dict.fromkeys(job.split("_")[0] for job in self.new.values())
        lines = [f"submitted {len(self.new)} runs as {_jobs_said(list(arrays))}"]
        if self.before:
            lines.append(f"{len(self.before)} runs were queued or running already")
        return lines if self.new else lines[1:] or ["nothing is left to submit"]


def _jobs_said(arrays: Sequence[str]) -> str:
    return f"job{'s' if len(arrays) != 1 else ''} {', '.join(arrays)}"


def submit_due(
    planned: Sequence[RunState],
    results: Path,
    plugins: Sequence[str],
    retry: Collection[State],
    settings: SlurmSettings,
) -> Submission:
    """Submit the runs that are due and have no job in the queue, and note their jobs.

    Raises UserError if Slurm refuses, or does not say which of the earlier jobs are still there.
    """
    with folder_lock(results):  # another command must not submit the same meanwhile
        jobs = read_jobs(results)
        before = in_queue(jobs)
        due = [
            each
            for each in planned
            if each.is_due(retry)
            and each.state is not State.RUNNING
            and each.spec.run_id not in before
        ]
        tasks = [(each.spec.run_id, each.attempt) for each in due]
        function = PlannedRun(str(results.resolve()), tuple(map(_anywhere, plugins)), settings)
        new: dict[str, str] = {}
        for array in _arrays(tasks):
            try:
                ids = submit(array, function, settings, submission_folder(results))
            except UserError as error:
                raise UserError(f"{error}{_submitted_before(new, tasks)}") from error
            new |= {run: job for (run, _), job in zip(array, ids, strict=True)}
            # At once: the next array may be refused, and these are in the queue.
            write_jobs(results, {**jobs, **new})
    here = {each.spec.run_id for each in planned}
    return Submission(new, {run: job for run, job in before.items() if run in here})


def in_queue(jobs: Mapping[str, str]) -> dict[str, str]:
    """Those of the runs' jobs that are queued or running; UserError if that cannot be told."""
    known = states(jobs.values())
    if UNKNOWN in known.values():
        raise UserError("squeue does not answer: which runs are in the queue cannot be told")
    return {run: job for run, job in jobs.items() if known[job] != ENDED}


def _arrays(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    """The tasks in as few arrays as the cluster allows."""
    if tasks:
        largest = largest_array()
        for start in range(0, len(tasks), largest):
            yield tasks[start : start + largest]


def _submitted_before(new: Collection[str], tasks: Collection[Task]) -> str:
    return f"; {len(new)} of {len(tasks)} runs were submitted before" if new else ""


def wait_for(jobs: Collection[str]) -> None:
    """Wait until none of the jobs is queued or running."""
    left = len(jobs)
    while left:
        now = sum(state != ENDED for state in states(jobs).values())
        if now != left:
            left = now
            print(f"{left} of {len(jobs)} jobs are left", file=sys.stderr)
        if left:
            time.sleep(POLL_SECONDS)


def _anywhere(plugin: str) -> str:
    """A plug-in as it is found from any folder: files by their whole path."""
    return str(Path(plugin).resolve()) if Path(plugin).is_file() else plugin
