"""`bench compare`: two results folders side by side, and whether the second is worse."""

from __future__ import annotations

from pathlib import Path

from bench.commands._options import Add

USAGE = "python -m bench compare A B [OPTIONS]"
EPILOG = """\
A is the base and B the candidate: they may differ in code, machine or settings. Runs are paired by
problem, size, noise, layer, method, method parameters and seed. Quality is always compared, image
by image. Times are compared only if the machine (its fingerprint), the device and the number of
threads are the same. A verdict of better or worse is given only where the 95 % interval of the
change lies beyond the limit, and so that equal folders get one in at most 5 % of all comparisons;
a change whose interval lies within the limits is the same, and any other is inconclusive.

examples:
  python -m bench compare results/before results/after
  python -m bench compare results/before results/after --max-slowdown 1.2 --csv changes.csv
  python -m bench compare results/mine results/mine --match mine=jfb

Exit status: 0 nothing is worse (some changes may be inconclusive); 1 a change that is worse, a run
that B lacks or that completed in A but not in B, or a PSNR that is not a number; 2 a mistake in the
command, or a damaged record (it is named, and the others are compared).
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `compare`."""
    add("a", type=Path, metavar="A", help="results folder of the base")
    add("b", type=Path, metavar="B", help="results folder of the candidate")
    match = (
        "compare method NEW of B with method OLD of A, whatever their parameters; may be repeated"
    )
    add("--match", action="append", default=[], metavar="NEW=OLD", help=match)
    drop = "largest acceptable drop in a method's mean PSNR on a problem (default: 0.1)"
    add("--max-psnr-drop", type=float, default=0.1, metavar="DB", help=drop)
    slowdown = (
        "largest acceptable ratio B/A of the time of a training step or a reconstruction "
        "(default: 1.05)"
    )
    add("--max-slowdown", type=float, default=1.05, metavar="RATIO", help=slowdown)
    memory = "largest acceptable ratio B/A of the peak memory (default: 1.05)"
    add("--max-memory", type=float, default=1.05, metavar="RATIO", help=memory)
    times = (
        "auto: compare times only if the machine is the same; always: in any case (default: auto)"
    )
    add("--times", choices=("auto", "always"), default="auto", help=times)
    add("--csv", type=Path, metavar="FILE", help="also write the changes to FILE, one row each")
