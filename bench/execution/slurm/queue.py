"""The states of submitted runs, as Slurm's queue tells them.

They are asked of squeue and not of sacct, which answers only where the cluster keeps accounts.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from bench.errors import UserError
from bench.execution.slurm.jobs_file import read_jobs
from bench.execution.slurm.submission import log_file_of
from bench.experiment.state import RunState, Standing

# squeue's compact states. A job that completes (CG) may be on its way back to the queue.
STATES = {
    **dict.fromkeys(("PD", "CF", "RQ", "RF", "RH", "RD", "SE"), RunState.QUEUED),
    **dict.fromkeys(("R", "CG", "S", "ST", "SI", "SO", "RS"), RunState.RUNNING),
}
IN_QUEUE = (RunState.QUEUED, RunState.RUNNING)
JOBS_PER_CALL = 500  # job arrays, so that the command line stays short
SQUEUE_SECONDS = 30


def job_standings(results: Path) -> dict[str, Standing]:
    """The standing of every run that was submitted, as far as its job tells it."""
    jobs = read_jobs(results)
    known = job_states(jobs.values())
    return {run: _standing(results, job, known[job]) for run, job in jobs.items()}


def _standing(results: Path, job: str, state: RunState | None) -> Standing:
    if state is None:
        return Standing(RunState.MISSING, f"squeue does not respond (job {job})")
    if state in IN_QUEUE:
        return Standing(state, f"job {job}")
    log = log_file_of(results, job)
    where = f" (log: {log})" if log.is_file() else ""
    return Standing(RunState.MISSING, f"job {job} ended without a record{where}")


def in_queue(jobs: Mapping[str, str]) -> dict[str, str]:
    """Those of the runs' jobs that are queued or running; UserError if that cannot be told."""
    known = job_states(jobs.values())
    if None in known.values():
        raise UserError(
            "squeue does not respond, so it is unknown which runs are queued or running"
        )
    return {run: job for run, job in jobs.items() if known[job] in IN_QUEUE}


def job_states(job_ids: Iterable[str]) -> dict[str, RunState | None]:
    """QUEUED, RUNNING, or MISSING for a job that has ended; None where squeue does not answer.

    A job that squeue no longer lists has ended.
    """
    ids = list(dict.fromkeys(job_ids))
    arrays = list(dict.fromkeys(map(_array_of, ids)))
    known: dict[str, RunState] = {}
    for start in range(0, len(arrays), JOBS_PER_CALL):
        asked = arrays[start : start + JOBS_PER_CALL]
        listed = _listed(asked)
        if listed is not None:
            answered = (job for job in ids if _array_of(job) in set(asked))
            known |= {job: listed.get(job, RunState.MISSING) for job in answered}
    return {job: known.get(job) for job in ids}


def _array_of(job_id: str) -> str:
    """The id of the whole array that a job such as 12_3 belongs to."""
    return job_id.split("_")[0]


def _listed(arrays: Sequence[str]) -> dict[str, RunState] | None:
    """The state of every job of these arrays that squeue lists; None if it does not answer."""
    # The user's own defaults, such as SQUEUE_STATES, would change the answer.
    environment = {key: text for key, text in os.environ.items() if not key.startswith("SQUEUE_")}
    command = ["squeue", "--noheader", "--array", "--format=%i %t", f"--jobs={','.join(arrays)}"]
    try:
        done = subprocess.run(
            command, env=environment, capture_output=True, text=True, timeout=SQUEUE_SECONDS
        )
    except (OSError, subprocess.SubprocessError):
        return None
    # It forgets jobs some minutes after their end, and says so only if asked for a single one.
    if done.returncode and "Invalid job id" not in done.stderr:
        return None
    lines = [line.split() for line in done.stdout.splitlines()]
    return {line[0]: STATES.get(line[1], RunState.MISSING) for line in lines if len(line) == 2}
