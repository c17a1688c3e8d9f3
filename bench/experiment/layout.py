"""Nothing inside a results folder leads outside of it, and nothing in it stalls who opens it.

The results folder itself may be a link, which its user made. Whatever a command reads, writes or
removes below it is a folder or a regular file; otherwise the command is refused before it does so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from bench.errors import UserError, first_line
from bench.experiment.claims import FOLDER as CLAIMS
from bench.experiment.claims import LOCK
from bench.experiment.files import CALLBACKS, CHECKPOINTS, LOGS, SUPERSEDED
from bench.folders import folder_exists, kind_of
from bench.records.files import JOBS, is_there
from bench.records.model import EXPERIMENT, GRADIENTS, PLAN, REPEATS, RUNS

WITH_FILES = (CLAIMS, LOGS, CHECKPOINTS)  # folders that hold a file for each run
FOLDERS = (*WITH_FILES, CALLBACKS, RUNS, SUPERSEDED, REPEATS, "report")
FILES = (EXPERIMENT, PLAN, GRADIENTS, JOBS, LOCK)


def check_layout(results: Path) -> None:
    """Raise UserError for a results folder that no command may work in; it may be missing.

    What is inside is judged only if it is a results folder, which has an experiment.yaml. Links in
    the place of a run's folder or of a record's files make a damaged record, which is replaced.
    """
    if not folder_exists(results) or not is_there(results / EXPERIMENT):
        return
    for entry in _entries(results):
        if entry.name in FOLDERS:
            _require(entry, "a folder")
        elif entry.name in FILES:
            _require(entry, "a file")
    for name in WITH_FILES:
        for entry in _entries(results / name):
            _require(entry, "a file")


def _entries(folder: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as entries:
            yield from entries
    except FileNotFoundError:  # another command may clear the claims away meanwhile
        return
    except OSError as error:
        raise UserError(f"{folder}: {first_line(error)}") from error


def _require(entry: os.DirEntry[str], kind: str) -> None:
    is_kind = entry.is_dir if kind == "a folder" else entry.is_file
    if is_kind(follow_symlinks=False):
        return
    try:
        found = kind_of(entry.stat(follow_symlinks=False).st_mode)
    except OSError:  # gone
        return
    if found != kind:
        raise UserError(f"{entry.path} is {found}, not {kind}: remove it")
