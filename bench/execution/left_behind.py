"""Processes that a plug-in has started and left running: they end with what started them.

A process that leaves its group, or whose parent has ended, is found too: on Linux its supervisor
becomes the parent of such orphans.
"""

from __future__ import annotations

import contextlib
import ctypes
import sys
from collections.abc import Collection, Iterator

import psutil

from bench.errors import printable

PR_SET_CHILD_SUBREAPER = 36
MOMENT_SECONDS = 0.2  # for a helper that ends by itself when its parent has
ROUNDS = 20  # of killing: one that is killed may have started another meanwhile
HELPERS = ("multiprocessing.resource_tracker", "multiprocessing.forkserver")


@contextlib.contextmanager
def adopting() -> Iterator[frozenset[psutil.Process]]:
    """Become the parent of orphans for a while; yields the processes that are there before."""
    _adopt(True)
    try:
        yield frozenset(started())
    finally:
        _adopt(False)


def started(before: Collection[psutil.Process] = ()) -> list[psutil.Process]:
    """The processes that this one, and those that it started, have started since."""
    with contextlib.suppress(psutil.Error):
        own = psutil.Process().children()
        new = [each for each in own if each not in before and not _is_helper(each)]
        return [*new, *(each for parent in new for each in _descendants(parent))]
    return []


def named(processes: Collection[psutil.Process]) -> list[str]:
    """What is still running of these after a moment, in words."""
    _, alive = psutil.wait_procs(list(processes), MOMENT_SECONDS if processes else 0)
    return [_in_words(each) for each in alive if _is_running(each)]


def end(before: Collection[psutil.Process] = ()) -> None:
    """Kill every process that was started since, and reap those that became children."""
    for _ in range(ROUNDS):
        found = started(before)
        for each in found:
            with contextlib.suppress(psutil.Error):
                each.kill()
        psutil.wait_procs(found, 1.0)
        if not found:
            return


def _adopt(wanted: bool) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_CHILD_SUBREAPER, int(wanted), 0, 0, 0)


def _descendants(process: psutil.Process) -> list[psutil.Process]:
    with contextlib.suppress(psutil.Error):
        return list(process.children(recursive=True))
    return []


def _is_helper(process: psutil.Process) -> bool:
    """Whether it is one of multiprocessing's; what was forked from one has its command line."""
    with contextlib.suppress(psutil.Error):
        line = process.cmdline()
        is_named = any(name in " ".join(line) for name in HELPERS)
        return is_named and line != psutil.Process().cmdline()
    return False


def _is_running(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    return False


def _in_words(process: psutil.Process) -> str:
    with contextlib.suppress(psutil.Error):
        return f"process {process.pid} ({printable(' '.join(process.cmdline()), 80)})"
    return f"process {process.pid}"
