"""`bench new KIND NAME`: a one-file plug-in to start from, which works as it is."""

from __future__ import annotations

from pathlib import Path

from bench.commands._options import Add

USAGE = "python -m bench new method|layer|network|problem|images|callback NAME [--out FOLDER]"
EPILOG = """\
kinds:
  method     a gradient method: how dℓ/dθ is computed at the fixed point
  layer      the formula of the map T(z; y, θ)
  network    the learned part of a layer
  problem    the operator A and the noise of y = A x + n
  images     the clean images x
  callback   what is told of each run while it trains, such as a logger

The file is a working example, to be replaced by an idea of yours. The command prints what to run
next. It does not overwrite a file, and the name must be free among those of its kind.

examples:
  python -m bench new method mine          writes mine.py
  python -m bench check mine --plugin mine.py
  python -m bench new network small --out plugins
  python -m bench run --methods jfb,ift --network small --plugin plugins/small.py

Exit status: 0 the file was written, 2 a mistake in the command.
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `new`."""
    add(
        "kind", nargs="?", help="what to write: method, layer, network, problem, images or callback"
    )
    add("name", nargs="?", help="its name: lower-case letters, digits and underscores")
    folder = "folder for NAME.py (default: the current folder)"
    add("--out", type=Path, default=Path(), metavar="FOLDER", help=folder)
