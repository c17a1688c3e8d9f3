"""Opens what a stranger may have put into a results folder: regular files of a limited size only.

The results folder itself may be a symbolic link, which its user made; nothing below it may be one,
so that no path leads outside. A pipe or a device is refused without being opened.
"""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bench.errors import printable
from bench.folders import kind_of
from bench.records.model import EXPERIMENT, GRADIENTS, PICTURES, PLAN, ROW, SAMPLES

KIBIBYTE, MEBIBYTE = 2**10, 2**20
JOBS = "slurm.json"
LISTING = "files.json"  # of the files in the folder of a run
# The most bytes of a file, refused before it is read. A real one of a long run has a tenth of it.
LIMITS = {
    **dict.fromkeys((EXPERIMENT, PLAN, JOBS, GRADIENTS), 16 * MEBIBYTE),
    **dict.fromkeys(("reconstruction.csv", "memory.csv", "pictures.csv"), MEBIBYTE),
    **dict.fromkeys(("curve.csv", "images.csv"), 4 * MEBIBYTE),
    # Three samples in colour at 512 pixels have 27.
    **dict.fromkeys((SAMPLES, PICTURES), 64 * MEBIBYTE),
    "steps.csv": 32 * MEBIBYTE,
    "metrics.csv": 256 * MEBIBYTE,
    ROW: 256 * KIBIBYTE,
    LISTING: 4 * KIBIBYTE,
}
MOST_RUNS = 200_000  # folders of one experiment
MOST_DEPTH = 40  # of nested lists and mappings
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC


def read_file(path: str | Path) -> bytes:
    """Return the content of a file of a results folder.

    Raises FileNotFoundError, another OSError, or ValueError for what is no regular file and for
    one that is larger than its name allows.
    """
    about = os.lstat(path)
    check_kind(about.st_mode)
    limit = LIMITS[os.path.basename(path)]
    if about.st_size > limit:
        raise ValueError(f"is too large: {about.st_size} bytes, the limit is {limit}")
    descriptor = os.open(path, _FLAGS)
    try:
        return _read(descriptor, about.st_size)
    finally:
        os.close(descriptor)


def read_text(path: str | Path) -> str:
    """Return the content of a file that is text; as `read_file`, and ValueError for other bytes."""
    return read_file(path).decode("utf-8")


def is_there(path: str | Path) -> bool:
    """Whether there is anything of this name, be it a link that leads nowhere."""
    return os.path.lexists(path)


def check_kind(mode: int) -> None:
    """Raise ValueError for the mode of anything but a regular file."""
    if not stat.S_ISREG(mode):
        raise ValueError(f"is {kind_of(mode)}, not a regular file")


def run_folders(runs: Path) -> tuple[list[str], list[str]]:
    """Return the names of run folders in order, and of links, which are not followed.

    Drafts, which a killed run leaves behind, are neither; nothing is found where there is no
    `runs`. Raises ValueError if that is a link, or holds more than MOST_RUNS.
    """
    if not is_there(runs):
        return [], []
    if runs.is_symlink():
        raise ValueError("is a symbolic link, which is not followed")
    folders, links = [], []
    with os.scandir(runs) as entries:
        for number, entry in enumerate(entries):
            if number >= MOST_RUNS:
                raise ValueError(f"contains more than {MOST_RUNS} runs")
            if entry.name[0] != "." and entry.is_symlink():
                links.append(entry.name)
            elif entry.name[0] != "." and entry.is_dir(follow_symlinks=False):
                folders.append(entry.name)
    return sorted(folders), sorted(links)


def one_line(error: Exception, longest: int = 300) -> str:
    """Return the reason of an error on one line; what it quotes may be as long as a file."""
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return printable(reason[: 2 * longest], longest) or type(error).__name__


def _read(descriptor: int, size: int) -> bytes:
    content = os.read(descriptor, size + 1)
    if len(content) > size:
        raise ValueError("grew while it was being read")
    while len(content) < size and (more := os.read(descriptor, size - len(content))):
        content += more
    return content
