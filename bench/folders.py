"""Folders that a user names on the command line."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from bench.errors import UserError, first_line

KINDS = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFDIR: "a folder",
    stat.S_IFREG: "a file",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
}


def kind_of(mode: int) -> str:
    """What a file of this mode is, in words."""
    return KINDS.get(stat.S_IFMT(mode), "a device")


def folder_exists(path: Path) -> bool:
    """Whether the folder is there; UserError if it is something else, or cannot be read.

    It may be a link to a folder: that is its user's wish.
    """
    try:
        mode = os.stat(path).st_mode
    except FileNotFoundError:
        if path.is_symlink():
            raise UserError(f"{path}: is a symbolic link that leads nowhere") from None
        return False
    except (OSError, ValueError) as error:  # too long a name, a loop of links, a null byte, …
        raise UserError(f"{path}: {first_line(error)}") from error
    if not stat.S_ISDIR(mode):
        raise UserError(f"{path}: is {kind_of(mode)}, not a folder")
    if not os.access(path, os.R_OK | os.X_OK):
        raise UserError(f"{path}: no permission to read this folder")
    return True
