"""`bench new method NAME`: a one-file plug-in to start from, which passes `bench check`."""

from __future__ import annotations

import argparse
from pathlib import Path

ACCEPTS_SETTINGS = False
USAGE = "python -m bench new method NAME [--out FOLDER]"
EPILOG = """\
examples:
  python -m bench new method mine          writes mine.py
  python -m bench check mine --plugin mine.py

Exit status: 0 the file was written, 2 a mistake in the command.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `new`."""
    parser.add_argument("kind", help="what to write: `method` is the only kind")
    parser.add_argument(
        "name", help="name of the method: lower-case letters, digits and underscores"
    )
    parser.add_argument(
        "--out",
        type=Path,
        default=Path(),
        metavar="FOLDER",
        help="folder for NAME.py (default: the current folder)",
    )
