"""A run that is being made, as whoever asked for it sees it."""

from __future__ import annotations

import contextlib
import signal
import time
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bench.execution.order import Order, Outcome, Report
from bench.execution.supervisor import write_failure

END_SECONDS = 10.0  # for a supervisor whose run is cancelled to end it and clean up


class Job:
    """A handle on a run's supervisor.

    receiver: its reports and the outcome; lifeline: while it is open, the run is wanted.
    """

    def __init__(
        self, order: Order, process: BaseProcess, receiver: Connection, lifeline: Connection
    ) -> None:
        self.order = order
        self._process, self._receiver, self._lifeline = process, receiver, lifeline

    @property
    def waitables(self) -> list[Any]:
        """What `multiprocessing.connection.wait` can wait for: a report, or the end."""
        return [self._receiver, self._process.sentinel]

    def poll(self, report: Report) -> Outcome | None:
        """Pass on what was reported; the outcome, if the run has ended."""
        with contextlib.suppress(EOFError, OSError):
            while self._receiver.poll(0):
                message = self._receiver.recv()
                if isinstance(message, Outcome):
                    self._close()
                    return message
                report(*message)
        if self._process.exitcode is None:
            return None
        self._close()
        return write_failure(self.order, _ended(self._process.exitcode))

    def cancel(self) -> None:
        """End the run; it leaves no record."""
        self._lifeline.close()
        deadline = time.monotonic() + END_SECONDS
        # Until nobody is left who could report: the process's own exit code says nothing if the
        # server that it was forked from is gone.
        with contextlib.suppress(EOFError, OSError):
            while self._receiver.poll(max(deadline - time.monotonic(), 0)):
                self._receiver.recv()
        if self._process.exitcode is None:
            self._process.kill()
        self._close()

    def _close(self) -> None:
        self._process.join()
        self._receiver.close()
        self._lifeline.close()


def _ended(exit_code: int) -> str:
    if exit_code < 0:
        return f"the supervisor of the run was killed by {signal.Signals(-exit_code).name}"
    return f"the supervisor of the run exited with code {exit_code}"
