"""Who makes which run: several commands, or the workers of a cluster, share a results folder.

A claim is a file `claims/<run_id>`, created atomically, that names its owner. It is given up when
the run ends; one whose owner is dead is stale, and is taken over. Dead is a process of this machine
that no longer exists, and one of another machine that has not touched its claim for a while.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path

import psutil

FOLDER, LOCK = "claims", ".lock"
LARGEST = 4096  # bytes of a claim
REFRESH_SECONDS = 15.0  # between two signs of life of an owner
STALE_SECONDS = 150.0  # without one, until an owner elsewhere is taken for dead


@dataclass(frozen=True)
class Owner:
    """A process: the machine as it was booted, its number there, and when it was started.

    job: the cluster's job that it belongs to, which outlives the process when it is requeued.
    """

    host: str
    machine: str
    pid: int
    started: str
    job: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host}" + (f" (job {self.job})" if self.job else "")


@contextmanager
def folder_lock(results: Path) -> Iterator[None]:
    """Hold the one lock of a results folder; the system frees it when its holder dies."""
    file = os.open(results / LOCK, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o666)
    try:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield
    finally:
        os.close(file)


class Claim:
    """A run that this process has taken; `refresh` it now and then, `release` it at the end."""

    def __init__(self, path: Path, owner: Owner) -> None:
        self._path, self._owner = path, owner
        self._refreshed = time.monotonic()

    def refresh(self) -> None:
        """Give a sign of life, if it is time for one."""
        if time.monotonic() - self._refreshed >= REFRESH_SECONDS:
            self._refreshed = time.monotonic()
            with suppress(OSError):
                os.utime(self._path)

    @property
    def is_held(self) -> bool:
        """Whether the claim is still this process's, and was not taken over."""
        return _owner_in(self._path) == self._owner

    def release(self) -> None:
        """Give the run up; a claim that somebody else took over is left alone."""
        if self.is_held:
            self._path.unlink(missing_ok=True)


class Claims:
    """The claims of one results folder."""

    def __init__(self, results: Path) -> None:
        self._results, self._folder = results, results / FOLDER

    def take(self, run_id: str) -> Claim | None:
        """The claim on a run, or None if somebody who is alive has it. May raise OSError."""
        path, owner = self._folder / run_id, this_process()
        if _create(path, owner):
            return Claim(path, owner)
        with folder_lock(self._results):  # two must not take over at the same time
            if self._is_alive(path):
                return None
            path.unlink(missing_ok=True)
            return Claim(path, owner) if _create(path, owner) else None

    def holder(self, run_id: str) -> Owner | None:
        """The living owner of a claim on the run, if there is one."""
        path = self._folder / run_id
        return _owner_in(path) or _NOBODY if self._is_alive(path) else None

    def held(self) -> dict[str, Owner]:
        """The living owners by run."""
        try:
            names = sorted(os.listdir(self._folder))
        except OSError:
            return {}
        runs = (name for name in names if not name.startswith("."))
        return {run_id: owner for run_id in runs if (owner := self.holder(run_id))}

    def here(self) -> int:
        """How many runs are being made on this machine."""
        return sum(owner.machine == machine_id() for owner in self.held().values())

    def remove_stale(self) -> None:
        """Remove the claims of the dead, and the folder if nothing is left in it."""
        with suppress(OSError), folder_lock(self._results):
            for path in list(self._folder.iterdir()):
                if not self._is_alive(path):
                    path.unlink(missing_ok=True)
            self._folder.rmdir()

    def _is_alive(self, path: Path) -> bool:
        owner = _owner_in(path)
        if owner is None:  # none, or not written to the end: wait for who is writing it
            return os.path.lexists(path) and self._age(path) < STALE_SECONDS
        if owner.machine == machine_id():
            return _start_of(owner.pid) == owner.started
        # Until a job is requeued, its other processes are alive, as in salloc.
        was_requeued = os.environ.get("SLURM_RESTART_COUNT", "0") != "0"
        if was_requeued and owner.job == _job() != "":
            return False  # this job's own claim, from where it ran before
        return self._age(path) < STALE_SECONDS

    def _age(self, path: Path) -> float:
        """Seconds since the last sign of life, by the clock of the file system alone."""
        probe = self._folder / f".now-{os.getpid()}"
        try:
            probe.touch()
            return probe.stat().st_mtime - path.lstat().st_mtime
        except OSError:
            return 0.0
        finally:
            with suppress(OSError):
                probe.unlink()


_NOBODY = Owner("?", "?", 0, "", "")


def this_process() -> Owner:
    """The owner that this process is."""
    pid = os.getpid()
    return Owner(socket.gethostname(), machine_id(), pid, _start_of(pid), _job())


@cache
def machine_id() -> str:
    """A name of this machine since it was booted, and of the namespace of its process numbers."""
    parts = [socket.gethostname()]
    with suppress(OSError):
        parts.append(Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip())
        parts.append(os.readlink("/proc/self/ns/pid"))
    return " ".join(parts)


def _job() -> str:
    """The Slurm job (and task of an array) that this process belongs to."""
    array, task = (os.environ.get(f"SLURM_ARRAY_{name}") for name in ("JOB_ID", "TASK_ID"))
    return f"{array}_{task}" if array and task else os.environ.get("SLURM_JOB_ID", "")


def _start_of(pid: int) -> str:
    """When a process of this machine was started, as its system tells it; "" if there is none.

    In ticks since boot where it can be had: those do not change when somebody sets the clock.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        state, *fields = text.rpartition(")")[2].split()
        return "" if state in "ZX" else fields[18]
    except OSError:
        if Path("/proc/self").exists():
            return ""
    try:
        return f"{psutil.Process(pid).create_time():.0f}"
    except psutil.Error:
        return ""


def _create(path: Path, owner: Owner) -> bool:
    try:
        file = _open_new(path)
    except FileExistsError:
        return False
    try:
        os.write(file, json.dumps(asdict(owner)).encode())
    except OSError:  # a full disk: a claim that names nobody would look alive to others
        path.unlink(missing_ok=True)
        raise
    finally:
        os.close(file)
    return True


def _open_new(path: Path) -> int:
    """Open a file that must not exist; its folder may be cleared away at any moment."""
    for _ in range(5):
        path.parent.mkdir(exist_ok=True)
        with suppress(FileNotFoundError):
            return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o644)
    raise FileNotFoundError(f"{path.parent} keeps disappearing")


def _owner_in(path: Path) -> Owner | None:
    """The owner that a claim names; None if there is no claim, or not a whole one."""
    try:
        kind = path.lstat()
        if not stat.S_ISREG(kind.st_mode) or kind.st_size > LARGEST:
            return None
        content = json.loads(path.read_text(encoding="utf-8"))
        values = [content[field.name] for field in fields(Owner)]
    except (OSError, KeyError, TypeError, ValueError, RecursionError):
        return None
    return Owner(*values) if [*map(type, values)] == [str, str, int, str, str] else None
