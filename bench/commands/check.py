"""`bench check`: the contract of a gradient method, one verdict for each property."""

from __future__ import annotations

import argparse

from bench.commands._options import add_plugin_option

ACCEPTS_SETTINGS = False
USAGE = "python -m bench check METHOD [--layer LIST] [--plugin FILE_OR_MODULE]"
EPILOG = """\
Every property is checked on every layer, with images of 16 pixels: the gradient against the
method's own formula from a dense Jacobian, in double and in single precision, and against finite
differences; then its behaviour, counts, honesty and memory. "not stated" is no failure: the method
does not claim that property, such as exactness.

examples:
  python -m bench check ift
  python -m bench check 'phantom[steps=3,form=neumann]' --layer degrad
  python -m bench check mine --plugin mine.py

Exit status: 0 every property holds, 1 one fails, 2 a mistake in the command.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `check`."""
    add = parser.add_argument
    add("method", help="one gradient method; parameters in brackets: 'phantom[steps=3]'")
    add("--layer", metavar="LIST", help="a comma list of layers (all)")
    add_plugin_option(parser)
