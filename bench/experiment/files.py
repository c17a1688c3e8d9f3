"""Where the files of one run are, besides its record: log, checkpoint, drafts, what it replaced.

What callbacks write has a folder for each of them, so that a reader such as TensorBoard finds all
runs in one place; a record's folder is written whole, and holds nothing else.
"""

from __future__ import annotations

import glob
import itertools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import TextIO

RUNS, LOGS, CHECKPOINTS, SUPERSEDED = "runs", "logs", "checkpoints", "superseded"
CALLBACKS = "callbacks"


def log_file(run_id: str) -> Path:
    """What the run prints, and its tracebacks; relative to the results folder."""
    return Path(LOGS) / f"{run_id}.log"


def open_log(results: Path, run_id: str) -> TextIO:
    """Open the log of a run to append to it; no link is followed, no pipe waited for."""
    path = results / log_file(run_id)
    path.parent.mkdir(exist_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK
    return open(os.open(path, flags, 0o644), "a", encoding="utf-8", errors="replace")


def checkpoint_file(results: Path, run_id: str) -> Path:
    """The state of its training, from which it can go on."""
    return results / CHECKPOINTS / f"{run_id}.safetensors"


def make_callback_folder(results: Path, callback: str, run_id: str) -> Path:
    """Make the folder of a callback and a run, which may be there; OSError where a link is."""
    folder = results
    for part in (CALLBACKS, callback, run_id):
        folder = folder / part
        folder.mkdir(exist_ok=True)
        if folder.is_symlink():
            raise OSError(None, "is a symbolic link, which is not followed", str(folder))
    return folder


def drafts_of(results: Path, run_id: str) -> Iterator[Path]:
    """What a process that was killed may have left half-written."""
    yield from (results / RUNS).glob(f".tmp-{glob.escape(run_id)}-*")
    checkpoint = checkpoint_file(results, run_id).with_suffix(".tmp")
    if os.path.lexists(checkpoint):
        yield checkpoint


def archive(results: Path, run_id: str) -> None:
    """Move an earlier record of the run to `superseded/`: it is replaced, but not lost."""
    folder = results / RUNS / run_id
    if not os.path.lexists(folder):  # a link is moved, wherever it leads
        return
    (results / SUPERSEDED).mkdir(exist_ok=True)
    for number in itertools.count(1):
        target = results / SUPERSEDED / f"{run_id}.{number}"
        if not os.path.lexists(target):
            folder.rename(target)
            return
