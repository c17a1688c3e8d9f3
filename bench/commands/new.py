"""`bench new method NAME`: a one-file plug-in to start from, which passes `bench check`."""

from __future__ import annotations

from pathlib import Path

from bench.commands._options import Add

USAGE = "python -m bench new method NAME [--out FOLDER]"
EPILOG = """\
examples:
  python -m bench new method mine          writes mine.py
  python -m bench check mine --plugin mine.py

Exit status: 0 the file was written, 2 a mistake in the command.
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `new`."""
    add("kind", help="what to write: `method` is the only kind")
    add("name", help="name of the method: lower-case letters, digits and underscores")
    folder = "folder for NAME.py (default: the current folder)"
    add("--out", type=Path, default=Path(), metavar="FOLDER", help=folder)
