"""Submission of job arrays to Slurm, through submitit: optional, and imported when needed."""

from __future__ import annotations

import contextlib
import hashlib
import importlib
import io
import math
import re
import shlex
import shutil
import signal
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Generic, NoReturn, TypeVar

from bench.errors import UserError
from bench.execution.slurm.settings import SlurmSettings
from bench.measurement.cache import cache_folder

T = TypeVar("T")
Handler = Callable[[int, FrameType | None], object]

USUAL_ARRAY = 1000  # tasks; the indices of an array are below MaxArraySize, 1001 by default
SCONTROL_SECONDS = 30
SIGNAL_SECONDS = 30  # before its time is over, a task is told; Slurm may be a minute early


@dataclass(frozen=True)
class _Preemptible(Generic[T]):
    """A function of a task, in a process that Slurm may end and start anew.

    Slurm sends its signals, SIGTERM and submitit's SIGUSR2, to every process of the job: those that
    the function starts should ignore them, lest they are seen to fail before this one leaves.
    """

    function: Callable[[T], object]

    def __call__(self, task: T) -> object:
        # What Slurm sends to a job that it preempts or cancels, some seconds before SIGKILL.
        # submitit ignores it; but the function has things to end and to give back.
        signal.signal(signal.SIGTERM, _once(_leave))
        of_submitit = signal.getsignal(signal.SIGUSR2)
        if callable(of_submitit):
            signal.signal(signal.SIGUSR2, _once(of_submitit))
        return self.function(task)


def _once(handler: Handler) -> Handler:
    """The handler, after which no signal disturbs the function while it gives back what it has.

    A job is told more than once: submitit requeues it at SIGUSR2, whereupon Slurm sends SIGTERM.
    """

    def act(number: int, frame: FrameType | None) -> None:
        for each in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(each, signal.SIG_IGN)
        handler(number, frame)

    return act


def _leave(number: int, _frame: FrameType | None) -> NoReturn:
    raise SystemExit(128 + number)


def submission_folder(results: Path) -> Path:
    """Where submitit keeps the scripts, pickles and logs of a results folder's jobs.

    Not beside the records, which are shared: a pickle runs code when it is loaded. The nodes must
    see it, as they see a home folder.
    """
    path = results.resolve()
    digest = hashlib.sha256(str(path).encode()).hexdigest()[:8]
    return cache_folder().resolve() / "slurm" / f"{path.name}-{digest}"


def log_file_of(results: Path, job_id: str) -> Path:
    """What submitit and the job's own process have said; a run's log is in the results folder."""
    return submission_folder(results) / f"{job_id}_0_log.err"


def submit(
    tasks: Sequence[T], function: Callable[[T], object], settings: SlurmSettings, folder: Path
) -> list[str]:
    """Submit a job array that calls function(task) for every task; the job id of each task.

    The function is pickled. The tasks run with this Python and this checkout. One that is preempted
    goes back to the queue and begins anew; one that runs out of time does not.
    """
    if not tasks:
        return []
    submitit = _submitit()
    try:
        executor = submitit.SlurmExecutor(folder, max_num_timeout=0)
        executor.update_parameters(**_parameters(settings))
        with contextlib.redirect_stderr(io.StringIO()):  # submitit prints what it raises
            jobs = executor.map_array(_Preemptible(function), tasks)
    except OSError as error:
        raise UserError(f"cannot write the job files: {error}") from error
    except RuntimeError as error:  # all of submitit's own are
        raise UserError(f"sbatch rejected the jobs: {error}") from error
    return [str(job.job_id) for job in jobs]


def largest_array() -> int:
    """The most tasks of one array, as the cluster is configured; Slurm's default if unknown."""
    command = ["scontrol", "show", "config"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=SCONTROL_SECONDS, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return USUAL_ARRAY
    found = re.search(r"^MaxArraySize\s*=\s*(\d+)", done.stdout, re.MULTILINE)
    return max(int(found[1]) - 1, 1) if found else USUAL_ARRAY


def _submitit() -> Any:
    for command in ("sbatch", "srun"):
        if shutil.which(command) is None:
            raise UserError(
                f"Slurm's {command} is not on PATH: run the command on a node of the cluster"
            )
    try:
        return importlib.import_module("submitit")
    except ImportError:
        raise UserError(
            "--launcher slurm requires submitit: pip install 'implicit-bench[slurm]'"
        ) from None


def _parameters(settings: SlurmSettings) -> dict[str, Any]:
    """The settings as submitit's SlurmExecutor names them."""
    checkout = shlex.quote(str(Path(__file__).resolve().parents[3]))
    named = ("partition", "account", "qos", "constraint")
    asked = {**{name: getattr(settings, name) for name in named}, "gpus_per_node": settings.gpus}
    return {
        **{key: value for key, value in asked.items() if value},
        "job_name": "implicit-bench",
        "cpus_per_task": settings.cpus,
        # Since Slurm 22.05 srun does not take it from the job.
        "srun_args": [f"--cpus-per-task={settings.cpus}"],
        "mem": f"{math.ceil(settings.memory_gib * 1024)}M",
        "time": settings.minutes,
        "signal_delay_s": SIGNAL_SECONDS,
        "array_parallelism": settings.parallelism,
        "additional_parameters": {"requeue": True},
        # A checkout is not installed, and may not be the current folder.
        "setup": [f'export PYTHONPATH={checkout}"${{PYTHONPATH:+:$PYTHONPATH}}"'],
    }
