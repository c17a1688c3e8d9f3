"""Starts supervisors, each in a process of its own, and hears from them.

On a CPU they are forked from a server that has imported the libraries, so that isolation costs
milliseconds; with CUDA, which does not survive a fork, they are spawned.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection, wait
from multiprocessing.context import BaseContext
from multiprocessing.process import BaseProcess
from typing import Any

from bench.execution.supervisor import Job, Outcome, is_open, supervise, write_failure

ATTEMPTS, PAUSE_SECONDS = 5, 0.5  # to start a process
END_SECONDS = 10.0  # for a supervisor whose run is given up to end it and clear away

Progress = Callable[[int, float], None]


class Launcher:
    """Starts supervisors on one kind of device."""

    def __init__(self, device: str) -> None:
        self._context: BaseContext
        if device.startswith("cuda"):
            self._context = multiprocessing.get_context("spawn")
        else:
            self._context = multiprocessing.get_context("forkserver")
            self._context.set_forkserver_preload(["bench.execution.preload"])

    def start(self, job: Job) -> Started:
        """Begin to make a run; OSError if no process can be had."""
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(EOFError, OSError):
                return self._start(job)
            time.sleep(PAUSE_SECONDS)  # the server was killed: it is started again
        try:
            return self._start(job)
        except EOFError as error:
            raise OSError("the server that runs are forked from does not answer") from error

    def _start(self, job: Job) -> Started:
        receiver, sender = self._context.Pipe(duplex=False)
        other_end, lifeline = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_main, args=(job, sender, other_end))  # type: ignore[attr-defined]
        try:
            process.start()
        except (EOFError, OSError):
            receiver.close()
            lifeline.close()
            raise
        finally:
            sender.close()
            other_end.close()
        return Started(job, process, receiver, lifeline)

    def run(self, job: Job, progress: Progress) -> Outcome:
        """Make one run, to its end; progress(step, psnr) is called as it reports."""
        started = self.start(job)
        try:
            while (outcome := started.listen(progress)) is None:
                wait(started.signs)
        except BaseException:
            started.give_up()
            raise
        return outcome


class Started:
    """A run that is being made."""

    def __init__(
        self, job: Job, process: BaseProcess, receiver: Connection, lifeline: Connection
    ) -> None:
        self.job = job
        self._process, self._receiver, self._lifeline = process, receiver, lifeline

    @property
    def signs(self) -> list[Any]:
        """What `multiprocessing.connection.wait` can wait for: a report, or the end."""
        return [self._receiver, self._process.sentinel]

    def listen(self, progress: Progress) -> Outcome | None:
        """Pass on what was reported; the outcome, if the run has ended."""
        with contextlib.suppress(EOFError, OSError):
            while self._receiver.poll(0):
                message = self._receiver.recv()
                if isinstance(message, Outcome):
                    self._close()
                    return message
                progress(*message)
        if self._process.exitcode is None:
            return None
        self._close()
        return write_failure(self.job, _ended(self._process.exitcode))

    def give_up(self) -> None:
        """End the run; it leaves no record."""
        self._lifeline.close()
        self._wait_for_the_end(END_SECONDS)
        if self._process.exitcode is None:
            self._process.kill()
        self._close()

    def _wait_for_the_end(self, seconds: float) -> None:
        """Wait until nobody is left who could report.

        The process's own exit code says nothing if the server that it was forked from is gone.
        """
        deadline = time.monotonic() + seconds
        with contextlib.suppress(EOFError, OSError):
            while self._receiver.poll(max(deadline - time.monotonic(), 0)):
                self._receiver.recv()

    def _close(self) -> None:
        self._process.join()
        self._receiver.close()
        self._lifeline.close()


def _ended(exit_code: int) -> str:
    how = signal.Signals(-exit_code).name if exit_code < 0 else f"exit code {exit_code}"
    return f"the process that supervised the run was ended by {how}"


def _main(job: Job, sender: Connection, lifeline: Connection) -> None:
    """What a supervisor's process does."""
    os.setsid()  # out of reach of the terminal: the parent decides what an interrupt means
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def report(step: int, psnr: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            sender.send((step, psnr))

    outcome = supervise(job, report, lambda: is_open(lifeline))
    with contextlib.suppress(BrokenPipeError):
        sender.send(outcome)
