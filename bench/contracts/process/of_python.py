"""The switches, generators and resources of Python, of NumPy and of the process."""

from __future__ import annotations

import decimal
import gc
import locale
import logging
import os
import random
import resource
import signal
import sys
import threading
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from bench.contracts.process.switch import Switch


def _numpy_generator() -> tuple[Any, ...]:
    name, keys, *rest = np.random.get_state(legacy=True)
    return (name, np.asarray(keys).tobytes(), *rest)


def _set_numpy_generator(state: tuple[Any, ...]) -> None:
    name, keys, *rest = state
    np.random.set_state((name, np.frombuffer(keys, dtype=np.uint32), *rest))


def _set_environment(before: dict[str, str]) -> None:
    os.environ.clear()
    os.environ.update(before)


def _signals() -> dict[int, Any]:
    return {int(number): signal.getsignal(number) for number in signal.valid_signals()}


def _restore_signals(before: dict[int, Any]) -> None:
    for number, handler in before.items():
        if handler is not None and signal.getsignal(number) is not handler:
            signal.signal(number, handler)


def _logging() -> tuple[Any, ...]:
    root = logging.getLogger()
    return root.level, [*root.handlers], [*root.filters], root.disabled, root.manager.disable


def _restore_logging(values: tuple[Any, ...]) -> None:
    root = logging.getLogger()
    root.setLevel(values[0])
    root.handlers[:], root.filters[:], root.disabled = values[1], values[2], values[3]
    logging.disable(values[4])


def _interpreter() -> tuple[Any, ...]:
    return (
        *(sys.getrecursionlimit(), sys.getswitchinterval(), sys.gettrace(), sys.getprofile()),
        *(sys.stdin, sys.stdout, sys.stderr, sys.excepthook, sys.displayhook),
        *(sys.unraisablehook, threading.excepthook, warnings.showwarning),
        *(
            decimal.getcontext().prec,
            decimal.getcontext().rounding,
            locale.setlocale(locale.LC_ALL),
        ),
        *(gc.get_threshold(), len(gc.callbacks), gc.get_freeze_count(), gc.get_debug()),
    )


def _restore_interpreter(values: tuple[Any, ...]) -> None:
    sys.setrecursionlimit(values[0])
    sys.setswitchinterval(values[1])
    sys.settrace(values[2])
    sys.setprofile(values[3])
    sys.stdin, sys.stdout, sys.stderr, sys.excepthook, sys.displayhook = values[4:9]
    sys.unraisablehook, threading.excepthook, warnings.showwarning = values[9:12]
    gc.set_threshold(*values[15])


def _limits() -> tuple[Any, ...]:
    names = sorted(name for name in vars(resource) if name.startswith("RLIMIT_"))
    limits = [resource.getrlimit(getattr(resource, name)) for name in names]
    affinity = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    return limits, affinity, os.getpriority(os.PRIO_PROCESS, 0), _umask()


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


def _children() -> list[str]:
    """The ids of child processes, on Linux."""
    lists = Path("/proc/self/task").glob("*/children") if sys.platform == "linux" else ()
    return sorted(pid for each in lists for pid in _text(each).split())


def _text(path: Path) -> str:
    try:
        return path.read_text()
    except OSError:  # a thread that has just ended
        return ""


def _open_files() -> list[str]:
    """What the open file descriptors refer to, on Linux."""
    if sys.platform != "linux":
        return []
    folder, names = "/proc/self/fd", []
    for number in os.listdir(folder):
        try:
            names.append(f"{number} {os.readlink(f'{folder}/{number}')}")
        except OSError:  # the descriptor of the listing itself
            continue
    return sorted(names)


PYTHON_SWITCHES = (
    Switch("NumPy's generator", _numpy_generator, _set_numpy_generator),
    Switch("Python's generator", random.getstate, random.setstate),
    Switch("errors of NumPy", np.geterr, lambda values: np.seterr(**values)),
    Switch("print options of NumPy", lambda: repr(np.get_printoptions())),
    Switch(
        "filters of warnings",
        lambda: [*warnings.filters],
        lambda filters: warnings.filters.__setitem__(slice(None), filters),  # type: ignore[index]
        lazily=True,
    ),
    Switch("environment", lambda: dict(os.environ), _set_environment, lazily=True),
    Switch("current folder", os.getcwd, os.chdir),
    Switch(
        "search path of modules",
        lambda: [*sys.path],
        lambda path: sys.path.__setitem__(slice(None), path),
        lazily=True,
    ),
    Switch("interpreter", _interpreter, _restore_interpreter, lazily=True),
    Switch("garbage collection", gc.isenabled, lambda on: gc.enable() if on else gc.disable()),
    Switch("signal handlers", _signals, _restore_signals, lazily=True),
    Switch("logging", _logging, _restore_logging, lazily=True),
    Switch("limits of the process", _limits, lazily=True),
    Switch("threads", lambda: {each.ident for each in threading.enumerate()}, lazily=True),
    Switch("child processes", _children, lazily=True),
    Switch("open files", _open_files, lazily=True),
)
