"""What a hostile case must not do: take long, or touch what is not its own."""

from __future__ import annotations

import signal
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class TooSlow(BaseException):
    """Something went on for longer than anybody waits; no handler of errors is to catch it."""


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Raise TooSlow in the block once it has taken so long."""

    def stop(*_: object) -> None:
        raise TooSlow(f"took more than {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def snapshot(paths: Iterable[Path]) -> dict[str, tuple[int, int, bytes]]:
    """Of each path: kind, time of change, content."""
    found = {}
    for path in paths:
        about, content = path.lstat(), path.read_bytes() if path.is_file() else b""
        found[str(path)] = (about.st_mode, about.st_mtime_ns, content)
    return found
