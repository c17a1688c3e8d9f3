"""What may stand where a folder or a file is expected."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path


def listening(path: Path) -> None:
    """Leave a socket; its address is short, and bound from its folder any path will do."""
    before = os.getcwd()
    os.chdir(path.parent)
    try:
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(path.name)
    finally:
        os.chdir(before)


def loop(path: Path) -> None:
    """Leave a link that leads to itself."""
    path.symlink_to(path.name)


PLACES: dict[str, Callable[[Path], object]] = {
    "a file": lambda path: path.write_text("not a folder"),
    "a pipe": os.mkfifo,
    "a socket": listening,
    "a link to a device": lambda path: path.symlink_to("/dev/zero"),
    "a link to a file": lambda path: path.symlink_to(__file__),
    "a link to nowhere": lambda path: path.symlink_to("nowhere"),
    "a loop of links": loop,
}
