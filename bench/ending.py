"""The end of a process in which plug-ins have run: within seconds, whatever they left running."""

from __future__ import annotations

import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import suppress


def end_soon(status: int, seconds: float) -> None:
    """See to it that this process, about to exit with a status, has ended after some seconds.

    Python waits for threads that are no daemons, for children that multiprocessing started, and
    for exit handlers. Those that keep it waiting so long are named on stderr, and not waited for.
    """

    def end() -> None:
        time.sleep(seconds)
        _say(f"still running after {seconds:g} s, and not waited for: {', '.join(_waited_for())}")
        os._exit(status)

    try:
        threading.Thread(target=end, daemon=True).start()
    except RuntimeError:  # no memory for a thread
        _flush()
        os._exit(status)


def _waited_for() -> Iterator[str]:
    found = False
    for thread in threading.enumerate():
        if not thread.daemon and thread is not threading.main_thread():
            found = True
            yield f"thread {thread.name}"
    multiprocessing = sys.modules.get("multiprocessing")  # slow to import, where it is not used
    for child in multiprocessing.active_children() if multiprocessing else ():
        found = True
        yield f"process {child.pid} ({child.name})"
    if not found:
        yield "an exit handler"


def _say(text: str) -> None:
    with suppress(OSError, ValueError, AttributeError):
        print(text, file=sys.stderr)
    _flush()


def _flush() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(OSError, ValueError, AttributeError):
            stream.flush()
