"""`bench compare`: two results folders side by side, and whether the second is worse."""

from __future__ import annotations

import argparse
from pathlib import Path

ACCEPTS_SETTINGS = False
USAGE = "python -m bench compare A B [OPTIONS]"
EPILOG = """\
A is the base and B the candidate: two versions, machines or settings. Runs are paired by problem,
size, noise, layer, method, its parameters and seed. Quality compares between machines; times are
compared only if processor, device and threads are the same.

examples:
  python -m bench compare results/before results/after
  python -m bench compare results/before results/after --max-slowdown 1.2 --csv changes.csv
  python -m bench compare results/mine results/mine --match mine=jfb

Exit status: 0 no regression, 1 a regression beyond a limit, or a run that completed in A and did
not in B, 2 a mistake in the command or a damaged record (named; the others are compared).
"""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the arguments of `compare`."""
    add = parser.add_argument
    add("a", type=Path, metavar="A", help="results folder of the base")
    add("b", type=Path, metavar="B", help="results folder of the candidate")
    add(
        "--match",
        action="append",
        default=[],
        metavar="NEW=OLD",
        help="compare method NEW of B with OLD of A, whatever their parameters; may be repeated",
    )
    add(
        "--max-psnr-drop",
        type=float,
        default=0.1,
        metavar="DB",
        help="largest drop of the mean PSNR of a method on a problem (0.1)",
    )
    add(
        "--max-slowdown",
        type=float,
        default=1.1,
        metavar="RATIO",
        help="largest ratio B/A of the time of a training step or a reconstruction, if it is "
        "beyond the noise floor (1.1)",
    )
    add(
        "--max-memory",
        type=float,
        default=1.05,
        metavar="RATIO",
        help="largest ratio B/A of the peak memory (1.05)",
    )
    add(
        "--times",
        choices=("auto", "always"),
        default="auto",
        help="compare times if the machine is the same, or always (auto)",
    )
    add("--csv", type=Path, metavar="FILE", help="also write the changes, a row each, to FILE")
