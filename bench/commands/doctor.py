"""`bench doctor`: is this machine fit to measure on, and how finely does it measure?"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

from bench.commands.list import aligned
from bench.errors import UserError

if TYPE_CHECKING:
    from bench.execution.noise_floor import NoiseFloor
    from bench.machine.health import Finding

ACCEPTS_SETTINGS = False
LEAST = {"pairs": 2, "size": 16, "threads": 1}
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


def execute(arguments: argparse.Namespace, command_line: Sequence[str]) -> int:
    """Print the findings and the floor; 1 if there is a warning."""
    device = _checked_device(arguments)
    from bench.machine.health import WARNING, ClockWatch, findings, read_machine, wall_clock

    found = findings(read_machine(arguments.threads))
    print(_machine())
    print()
    print(_table(found))
    print(f"\nmeasuring {arguments.pairs} pairs of runs …", flush=True)
    watch = ClockWatch()
    floor = _measure(device, arguments)
    meanwhile = wall_clock(watch.gained())
    if floor:
        print(_said(floor))
    print(f"{meanwhile.subject} meanwhile: {meanwhile.read}.")
    warned = any(each.level == WARNING for each in [*found, meanwhile])
    return int(warned or floor is None)


def _checked_device(arguments: argparse.Namespace) -> str:
    """The resolved device; raises UserError for any option that makes no run, before reading."""
    for name, least in LEAST.items():
        given = getattr(arguments, name)
        if given < least:
            raise UserError(f"--{name} {given}: must be at least {least}")
    from bench.execution.noise_floor import noise_run
    from bench.machine.device import resolve_device
    from bench.registry import load_all

    load_all([])
    device = resolve_device(arguments.device)
    noise_run(device, arguments.threads, arguments.size)
    return device


def _table(found: Sequence[Finding]) -> str:
    return aligned([[each.level, each.subject, each.read, each.advice] for each in found])


def _machine() -> str:
    from bench.machine.description import describe_machine, library_versions

    machine = describe_machine()
    machine["memory"] = f"{machine.pop('memory_bytes', 0) / 2**30:.1f} GiB"  # type: ignore[operator]
    rows = [[name.replace("_", " "), str(value)] for name, value in machine.items()]
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return aligned([*rows, ["versions", versions]])


def _measure(device: str, arguments: argparse.Namespace) -> NoiseFloor | None:
    """The floor; None, and a line that says why, if the runs could not be made."""
    from bench.execution.noise_floor import measure_noise_floor

    try:
        return measure_noise_floor(device, arguments.threads, arguments.size, arguments.pairs)
    except UserError as error:
        print(f"bench doctor: warning: no noise floor: {error}", file=sys.stderr)
        return None


def _said(floor: NoiseFloor) -> str:
    threads = f"{floor.num_threads} thread{'s' if floor.num_threads > 1 else ''}"
    return "\n".join(
        [
            "noise floor: two executions of the same run differ by less than "
            f"{100 * floor.relative:.1f} % in 95 of 100 cases,",
            f"means over 3 seeds by less than {100 * floor.over_seeds(3):.1f} % "
            f"({floor.pairs} pairs of {floor.seconds:.2f} s on {floor.device}, {threads}).",
            f"drift: the last pair took {floor.drift:.2f} times as long as the first.",
        ]
    )
