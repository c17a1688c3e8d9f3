"""The worker's process: its group, cores, device and log, then the run itself."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.experiment.files import log_file
from bench.registry import load_all

if TYPE_CHECKING:
    from bench.execution.supervisor import Job

PR_SET_PDEATHSIG = 1
GIB = 2**30
OUT_OF_TIME = signal.SIGUSR1  # from the supervisor; no cluster sends it of its own accord


class OutOfTime(BaseException):
    """The supervisor asks the run to write down what it has; no plug-in is to catch this.

    Its text is the message of the record.
    """


@dataclass(frozen=True)
class TimeLimit:
    """After how many seconds a run is ended, 0 for never, and what its record then says."""

    seconds: float
    message: str


def own_limit(config: Mapping[str, Any]) -> TimeLimit:
    """The limit that the configuration of a run sets."""
    seconds = float(config["timeout_seconds"])
    return TimeLimit(seconds, f"ended after timeout_seconds={seconds:g}")


def work(job: Job, row: dict[str, object], report: Callable[[int, float], None]) -> None:
    """Make the run, in a process of its own; its record or its exit code says what became of it."""
    os.setsid()  # the supervisor ends this group, with all that a method may have started
    _die_with_supervisor()
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    signal.signal(OUT_OF_TIME, partial(_out_of_time, job.limit.message))
    if "SLURM_JOB_ID" in os.environ:  # Slurm's signals reach every process; the supervisor acts
        for number in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)
    _log_to(job.results / log_file(job.run_id))
    if job.cores:
        os.sched_setaffinity(0, job.cores)
    if job.visible_devices is not None:  # before anything imports torch
        os.environ["CUDA_VISIBLE_DEVICES"] = job.visible_devices
    _limit_memory(float(job.config["memory_limit_gib"]))
    load_all(job.plugins)
    from bench.measurement.run import execute

    execute(row, job.config, job.results, report)


def _die_with_supervisor() -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


def _out_of_time(message: str, number: int, frame: object) -> None:
    signal.signal(OUT_OF_TIME, signal.SIG_IGN)
    raise OutOfTime(message)


def _limit_memory(gib: float) -> None:
    """Let allocations fail beyond this, so that one run cannot take the whole machine's memory."""
    if gib:
        size = int(gib * GIB)
        resource.setrlimit(resource.RLIMIT_DATA, (size, size))


def _log_to(path: Path) -> None:
    """Send what the process prints, and its tracebacks, to a file."""
    (path.parent).mkdir(exist_ok=True)
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(OSError, ValueError):
            stream.flush()
        os.dup2(file, stream.fileno())
    os.close(file)
