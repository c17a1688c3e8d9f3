"""Makes an experiment on a Slurm cluster: submits what is due, and leaves or waits."""

from __future__ import annotations

import sys
import time
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import UserError, counted
from bench.execution.slurm.jobs_file import read_jobs, write_jobs
from bench.execution.slurm.queue import IN_QUEUE, in_queue, job_states
from bench.execution.slurm.settings import SlurmSettings
from bench.execution.slurm.submission import largest_array, submission_folder, submit
from bench.execution.slurm.task import PlannedRun
from bench.experiment.claims import folder_lock
from bench.experiment.state import Experiment, RunState

POLL_SECONDS = 5.0
Task = tuple[str, str]  # of a PlannedRun


@dataclass(frozen=True)
class Submission:
    """The job of each run that was submitted now, and of those that were in the queue before."""

    new: dict[str, str]
    before: dict[str, str]

    def __str__(self) -> str:
        """What a user wants to know, a line each."""
        arrays = dict.fromkeys(job.split("_")[0] for job in self.new.values())
        jobs = f"job{'s' if len(arrays) != 1 else ''} {', '.join(arrays)}"
        lines = [f"submitted {counted(len(self.new), 'run')} as {jobs}"] if self.new else []
        if self.before:
            verb = "was" if len(self.before) == 1 else "were"
            lines.append(f"{counted(len(self.before), 'run')} {verb} already queued or running")
        return "\n".join(lines or ["no run to submit"])


def submit_due(
    experiment: Experiment,
    plugins: Sequence[str],
    retry: Collection[RunState],
    settings: SlurmSettings,
    callbacks: tuple[str, ...] = (),
) -> Submission:
    """Submit the runs that are due and have no job in the queue, and note their jobs.

    Raises UserError if Slurm refuses, or does not say which of the earlier jobs are still there.
    """
    results = experiment.folder
    with folder_lock(results):  # another command must not submit the same meanwhile
        jobs = read_jobs(results)
        before = in_queue(jobs)
        tasks = [
            (spec.run_id, experiment.attempt(spec.run_id))
            for spec, standing in experiment
            if experiment.is_due(spec.run_id, retry)
            and standing.state is not RunState.RUNNING
            and spec.run_id not in before
        ]
        everywhere = tuple(map(_anywhere, plugins))
        function = PlannedRun(str(results.resolve()), everywhere, settings, callbacks)
        new: dict[str, str] = {}
        for array in _arrays(tasks):
            try:
                ids = submit(array, function, settings, submission_folder(results))
            except UserError as error:
                so_far = f"; {len(new)} of {len(tasks)} runs were already submitted" if new else ""
                raise UserError(f"{error}{so_far}") from error
            new |= {run: job for (run, _), job in zip(array, ids, strict=True)}
            # At once: the next array may be refused, and these are in the queue.
            write_jobs(results, {**jobs, **new})
    here = {spec.run_id for spec in experiment.specs}
    return Submission(new, {run: job for run, job in before.items() if run in here})


def _arrays(tasks: Sequence[Task]) -> Iterator[Sequence[Task]]:
    """The tasks in as few arrays as the cluster allows."""
    if tasks:
        largest = largest_array()
        for start in range(0, len(tasks), largest):
            yield tasks[start : start + largest]


def wait_for(jobs: Collection[str]) -> None:
    """Wait until none of the jobs is queued or running."""
    left = len(jobs)
    while left:
        now = sum(state in (*IN_QUEUE, None) for state in job_states(jobs).values())
        if now != left:
            left = now
            print(f"{left} of {len(jobs)} jobs not finished", file=sys.stderr)
        if left:
            time.sleep(POLL_SECONDS)


def _anywhere(plugin: str) -> str:
    """A plug-in as it is found from any folder: files by their whole path."""
    return str(Path(plugin).resolve()) if Path(plugin).is_file() else plugin
