"""Starts supervisors, each in a process of its own.

On a CPU they are forked from a server that has imported the libraries, so that isolation costs
milliseconds; with CUDA, which does not survive a fork, they are spawned.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from multiprocessing.context import BaseContext, ForkServerContext

from bench.execution.job import Job
from bench.execution.order import Order
from bench.execution.sockets import prepare_socket_folder
from bench.execution.supervisor import supervise

ATTEMPTS, PAUSE_SECONDS = 5, 0.5  # to start a process


class Launcher:
    """Starts supervisors on one kind of device."""

    def __init__(self, device: str) -> None:
        self._context: BaseContext
        if device.startswith("cuda"):
            self._context = multiprocessing.get_context("spawn")
        else:
            self._context = fork_server()

    def start(self, order: Order) -> Job:
        """Begin to make a run; OSError if no process can be had."""
        for _ in range(ATTEMPTS - 1):
            with contextlib.suppress(EOFError, OSError):
                return self._start(order)
            time.sleep(PAUSE_SECONDS)  # the server was killed: it is started again
        try:
            return self._start(order)
        except EOFError as error:
            raise OSError("the fork server does not respond") from error

    def _start(self, order: Order) -> Job:
        receiver, sender = self._context.Pipe(duplex=False)
        other_end, lifeline = self._context.Pipe(duplex=False)
        process = self._context.Process(target=_main, args=(order, sender, other_end))  # type: ignore[attr-defined]
        try:
            with interrupts_held_back():
                process.start()
        except (EOFError, OSError):
            receiver.close()
            lifeline.close()
            raise
        finally:
            sender.close()
            other_end.close()
        return Job(order, process, receiver, lifeline)


def fork_server() -> ForkServerContext:
    """Where processes are forked from a server that has imported the libraries."""
    prepare_socket_folder()
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["bench.execution.preload"])
    return context


@contextlib.contextmanager
def interrupts_held_back() -> Iterator[None]:
    """Keep Ctrl-C for the parent: a new process, and a fork server, inherit what is held back.

    Without this, one that is still importing would end in a traceback of its own.
    """
    resource_tracker.ensure_running()  # it ends with letting interrupts through
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _main(order: Order, sender: Connection, lifeline: Connection) -> None:
    """What a supervisor's process does."""
    os.setsid()  # out of reach of the terminal: the parent decides what an interrupt means
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def report(step: int, psnr: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            sender.send((step, psnr))

    # Nothing is ever sent through the lifeline: it becomes readable when its other end is closed.
    outcome = supervise(order, report, lambda: not lifeline.poll(0))
    with contextlib.suppress(BrokenPipeError):
        sender.send(outcome)
