"""`bench doctor`: is this machine fit to measure on, and how finely does it measure?"""

from __future__ import annotations

import argparse

ACCEPTS_SETTINGS = False
USAGE = "python -m bench doctor [--device NAME] [--pairs N] [--size PIXELS] [--threads N]"
EPILOG = """\
Reads what may disturb a measurement, then makes the same short JFB training in pairs, interleaved,
each in a process of its own as `run` makes them. Differences below the noise floor that this shows
are no differences. `run` measures it too, in fewer pairs, and the report prints it.

examples:
  python -m bench doctor
  python -m bench doctor --device cuda --size 128 --pairs 10

Exit status: 0 healthy, 1 there is a warning or no floor could be measured, 2 a mistake in the
command.
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `doctor`."""
    add = parser.add_argument
    add("--device", default="auto", metavar="NAME", help="auto | cpu | cuda | cuda:N (auto)")
    add("--pairs", type=int, default=6, metavar="N", help="pairs of runs (6)")
    add("--size", type=int, default=32, metavar="PIXELS", help="image size of the runs (32)")
    add("--threads", type=int, default=1, metavar="N", help="threads of a run (1)")
