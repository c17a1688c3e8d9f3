"""`bench doctor`: is this machine fit to measure on, and how finely does it measure?"""

from __future__ import annotations

from bench.commands._options import Add, add_device_option

USAGE = "python -m bench doctor [--device NAME] [--pairs N] [--size PIXELS] [--threads N]"
EPILOG = """\
Reports the machine, its fingerprint (times of different fingerprints are not compared) and what may
disturb a measurement. Then it repeats one short JFB training in interleaved pairs, each in a
process of its own, as in `run`. Times that differ by less than the noise floor are
indistinguishable. This floor is a quick estimate: `run` makes one too, with fewer pairs, and with
--repeats N it measures the floor over the whole of a grid. On a CPU it also times a training step
alone and beside one on every other core, in alternating rounds: the penalty of runs at a time.

examples:
  python -m bench doctor
  python -m bench doctor --device cuda --size 128 --pairs 10

Exit status: 0 no warning; 1 a warning, or the noise floor could not be measured; 2 a mistake in the
command.
"""


def add_arguments(add: Add) -> None:
    """Declare the arguments of `doctor`."""
    add_device_option(add)
    add("--pairs", type=int, default=6, metavar="N", help="number of pairs (default: 6)")
    add("--size", type=int, default=32, metavar="PIXELS", help="image size (default: 32)")
    add("--threads", type=int, default=1, metavar="N", help="threads per run (default: 1)")
