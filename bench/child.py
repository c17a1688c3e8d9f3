"""The life of a run's process, seen from inside and from outside.

On a CPU the processes are forked from a server that has imported the libraries, so that isolation
costs milliseconds; with CUDA, which does not survive a fork, they are spawned.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext
from pathlib import Path
from typing import Any

from bench.registry import load_all

# What a run imports sooner or later; torchmetrics comes with deepinv's SSIM.
PRELOADED = [
    "bench.worker",
    "deepinv.loss.metric",
    "deepinv.models",
    "deepinv.optim",
    "deepinv.physics.generator",
    "methods.networks.denoiser",
    "methods.solvers.adjoint",
    "methods.solvers.tuning",
    "torchmetrics.functional.image",
]
POLL_SECONDS = 0.5


@dataclass(frozen=True)
class Job:
    """What a process needs to make one run; all of it can be sent to another process."""

    row: dict[str, object]
    config: dict[str, Any]
    results: Path
    log: Path
    plugins: tuple[str, ...]


@dataclass(frozen=True)
class Outcome:
    """How a process ended: its exit code, and whether it was ended for taking too long."""

    exit_code: int
    timed_out: bool


Progress = Callable[[int, float], None]


class Launcher:
    """Starts one process at a time, and ends it when it is too slow or the user interrupts."""

    def __init__(self, device: str) -> None:
        self._context: BaseContext
        if device.startswith("cuda"):
            self._context = multiprocessing.get_context("spawn")
        else:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload(PRELOADED)

    def run(self, job: Job, timeout_seconds: float, progress: Progress) -> Outcome:
        """Make one run in a new process; progress(step, psnr) is called as it reports."""
        receiver, sender = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_main, args=(job, sender))  # type: ignore[attr-defined]
        process.start()
        sender.close()
        try:
            timed_out = not _listen(receiver, timeout_seconds, progress)
            if timed_out:
                process.kill()
            process.join()
        except BaseException:
            process.kill()
            process.join()
            raise
        finally:
            receiver.close()
        return Outcome(process.exitcode, timed_out)


def _listen(receiver: Connection, timeout_seconds: float, progress: Progress) -> bool:
    """Pass reports on until the process closes its end; False if the time is over before."""
    deadline = time.monotonic() + timeout_seconds if timeout_seconds else float("inf")
    with contextlib.suppress(EOFError, ConnectionResetError):
        while True:
            if receiver.poll(min(POLL_SECONDS, max(deadline - time.monotonic(), 0))):
                progress(*receiver.recv())
            elif time.monotonic() >= deadline:
                return False
    return True


def _main(job: Job, sender: Connection) -> None:
    """What the process does: log to its file, load the plug-ins, make the run."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    _log_to(job.log)
    load_all(job.plugins)
    from bench.worker import execute

    def report(step: int, psnr: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            sender.send((step, psnr))

    execute(job.row, job.config, job.results, report)


def _log_to(path: Path) -> None:
    """Send what the process prints, and its tracebacks, to a file."""
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
        os.dup2(file, stream.fileno())
    os.close(file)
