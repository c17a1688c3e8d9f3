"""A call that is made beside the caller, on another core; what it returns does not change."""

from __future__ import annotations

import multiprocessing
import os
import sys
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from multiprocessing.connection import Connection
from typing import Generic, TypeVar

Made = TypeVar("Made")


class _Answer(Generic[Made]):
    """What a copy of this process, forked, sends back of a call, and else the call itself.

    A copy has all data at hand: nothing is sent to it.
    """

    def __init__(self, call: Callable[[], Made]) -> None:
        self._call = call
        context = multiprocessing.get_context("fork")
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_send, args=(call, sender), daemon=True)
        with warnings.catch_warnings(), sender:
            # Of Python 3.12 and later: that threads are not copied, such as those of numpy.
            warnings.simplefilter("ignore", DeprecationWarning)
            self._process.start()

    def get(self) -> Made:
        """Wait for the result; a copy that failed or was killed has none, so it is made here."""
        try:
            made: Made = self._receiver.recv()
            return made
        except (OSError, EOFError):
            return self._call()

    def close(self) -> None:
        """End the copy, if it still runs."""
        self._process.kill()
        self._process.join()
        self._receiver.close()


@contextmanager
def beside(call: Callable[[], Made]) -> Iterator[Callable[[], Made]]:
    """Yield what waits for the result of `call`, begun at once if there is a second core.

    The call may write files, and must not need what changes in this process afterwards. Where it
    cannot be made beside, or fails there, it is made here when its result is asked for.
    """
    answer = None
    if _can_fork():
        with suppress(OSError):  # too many processes, too little memory
            answer = _Answer(call)
    try:
        yield answer.get if answer else call
    finally:
        if answer:
            answer.close()


def _send(call: Callable[[], Made], sender: Connection) -> None:
    with suppress(BaseException):  # Ctrl-C too, which the parent hears of
        sender.send(call())


def _can_fork() -> bool:
    """Whether a copy would run well: on a core of its own, and without what no copy can use.

    A GPU, and the threads of torch, do not survive a fork.
    """
    has_cores = hasattr(os, "sched_getaffinity") and len(os.sched_getaffinity(0)) > 1
    return has_cores and "torch" not in sys.modules
