"""Reads the health of the machine and measures its noise floor."""

from __future__ import annotations

import argparse

from bench.commands.actions._shared import fitted_table, load_plugins, warn
from bench.errors import UserError, counted
from bench.execution.noise_floor import NoiseFloor, measure_noise_floor, noise_run
from bench.machine.description import describe_machine, library_versions
from bench.machine.device import resolve_device
from bench.machine.health import WARNING, ClockWatch, findings, read_machine, wall_clock

LEAST = {"pairs": 2, "size": 16, "threads": 1}


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings and the floor; 1 if there is a warning."""
    device = _checked_device(arguments)
    found = findings(read_machine(arguments.threads))
    print(_machine())
    rows = [[each.level, each.subject, each.read, each.advice] for each in found]
    print(f"\n{fitted_table(rows)}")
    print(f"\nmeasuring the noise floor with {arguments.pairs} pairs of runs …", flush=True)
    watch = ClockWatch()
    floor = _measure(device, arguments)
    meanwhile = wall_clock(watch.gained())
    if floor:
        print(_describe(floor))
    print(f"{meanwhile.subject} during the measurement: {meanwhile.read}.")
    warned = any(each.level == WARNING for each in [*found, meanwhile])
    return int(warned or floor is None)


def _checked_device(arguments: argparse.Namespace) -> str:
    """The resolved device; raises UserError for any option that makes no run, before reading."""
    for name, least in LEAST.items():
        given = getattr(arguments, name)
        if given < least:
            raise UserError(f"--{name} {given}: must be at least {least}")
    load_plugins("doctor")
    device = resolve_device(arguments.device)
    noise_run(device, arguments.threads, arguments.size)
    return device


def _machine() -> str:
    machine = describe_machine()
    machine["memory"] = f"{machine.pop('memory_bytes', 0) / 2**30:.1f} GiB"  # type: ignore[operator]
    rows = [[name.replace("_", " "), str(value)] for name, value in machine.items()]
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return fitted_table([*rows, ["versions", versions]])


def _measure(device: str, arguments: argparse.Namespace) -> NoiseFloor | None:
    """The floor; None, and a line that says why, if the runs could not be made."""
    try:
        return measure_noise_floor(device, arguments.threads, arguments.size, arguments.pairs)
    except UserError as error:
        warn("doctor", f"warning: cannot measure the noise floor: {error}")
        return None


def _describe(floor: NoiseFloor) -> str:
    threads = counted(floor.num_threads, "thread")
    return "\n".join(
        [
            "noise floor: two executions of the same run differ by less than "
            f"{100 * floor.relative:.1f} % in 95 of 100 cases,",
            f"means over 3 seeds by less than {100 * floor.over_seeds(3):.1f} % "
            f"({floor.pairs} pairs of {floor.seconds:.2f} s on {floor.device}, {threads}).",
            f"drift: the last pair took {floor.drift:.2f} times as long as the first.",
        ]
    )
