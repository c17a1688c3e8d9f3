"""`bench check`: the contract of a gradient method, one verdict for each property."""

from __future__ import annotations

from bench.commands._options import Add, add_plugin_option

USAGE = "python -m bench check METHOD [--layer LIST] [--plugin FILE_OR_MODULE]"
EPILOG = """\
Checks every property on every layer, with three colour images of 10 pixels. The gradient is
compared with the method's own formula, computed from a dense Jacobian in double and in single
precision, and with finite differences: at the method's limit, with the parameters as given, and
for every budget. What is less accurate than stated has to be reported as not converged. A drawn
gradient is judged by its mean. Further checks cover the method's behaviour, its counts of
evaluations, the convergence that it reports, and its memory. "not stated" is not a failure: the
method does not claim that property, such as exactness.

examples:
  python -m bench check ift
  python -m bench check 'phantom[steps=3,form=neumann]' --layer degrad
  python -m bench check mine --plugin mine.py

Exit status: 0 no property fails, 1 a property fails, 2 a mistake in the command.
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `check`."""
    add("method", help="a gradient method, with parameters in brackets: 'phantom[steps=3]'")
    add("--layer", metavar="LIST", help="comma-separated layers (default: all)")
    add_plugin_option(add)
