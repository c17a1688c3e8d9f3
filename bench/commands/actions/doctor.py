"""Reads the machine's health and identity, estimates its noise floor and the penalty of company."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping

from bench.commands.actions._shared import fitted_table, load_plugins, warn
from bench.config.settings import LARGEST_SIZE, MOST_THREADS, SMALLEST_SIZE
from bench.errors import UserError, counted
from bench.execution.conditions import Conditions, counts_to_try
from bench.execution.noise_floor import NoiseFloor, measure_noise_floor, noise_run
from bench.execution.penalty import measure_penalty, percent
from bench.execution.slots import slots_for
from bench.machine.description import describe_machine, library_versions
from bench.machine.device import resolve_device
from bench.machine.health import WARNING, ClockWatch, findings, read_machine, wall_clock
from bench.machine.identity import fingerprint

SEEDS = 3
MEASURES = {"step": "training time", "image": "time per image", "calibration": "calibration"}
RANGES = {"pairs": (2, 1000), "size": (SMALLEST_SIZE, LARGEST_SIZE), "threads": (1, MOST_THREADS)}


def execute(arguments: argparse.Namespace) -> int:
    """Print the findings, the floor and the penalty; 1 if there is a warning."""
    device = _checked_device(arguments)
    found = findings(read_machine(arguments.threads))
    print(_machine())
    print(f"\n{_identity(device, arguments.threads)}")
    rows = [[each.level, each.subject, each.read, each.advice] for each in found]
    print(f"\n{fitted_table(rows)}")
    print(f"\nquick estimate of the noise floor: {arguments.pairs} pairs of runs …", flush=True)
    watch = ClockWatch()
    floor = _measure(device, arguments)
    if floor:
        print(_describe(floor))
    penalty_is_known = _tell_penalty(device, arguments, floor)
    meanwhile = wall_clock(watch.gained())
    print(f"{meanwhile.subject} during the measurement: {meanwhile.read}.")
    warned = any(each.level == WARNING for each in [*found, meanwhile])
    return int(warned or floor is None or floor.drifts or not penalty_is_known)


def _checked_device(arguments: argparse.Namespace) -> str:
    """The resolved device; raises UserError for any option that makes no run, before reading."""
    for name, (least, most) in RANGES.items():
        given = getattr(arguments, name)
        if not least <= given <= most:
            raise UserError(f"--{name} {given}: must be from {least} to {most}")
    load_plugins("doctor")
    device = resolve_device(arguments.device)
    noise_run(device, arguments.threads, arguments.size)
    return device


def _machine() -> str:
    machine = {name: value for name, value in describe_machine().items() if name != "flags"}
    machine["memory"] = f"{machine.pop('memory_bytes', 0) / 2**30:.1f} GiB"  # type: ignore[operator]
    rows = [[name.replace("_", " "), str(value)] for name, value in machine.items()]
    versions = ", ".join(f"{name} {version}" for name, version in library_versions().items())
    return fitted_table([*rows, ["versions", versions]])


def _identity(device: str, num_threads: int) -> str:
    """The fingerprint, and what is part of it beside the processor and the versions."""
    # torch is imported here, after every option is known to be good.
    from bench.measurement.machine import identify
    from bench.measurement.reproducibility import settle_process

    settle_process(num_threads)
    identity = identify(device, num_threads)
    probe = identity["probe"]
    assert isinstance(probe, Mapping)
    shown = ("blas", "capability", "gpu", "driver", "cuda", "cudnn")
    rows = [[name, str(identity[name])] for name in shown if identity[name]]
    bits = ", ".join(f"{name} {digits}" for name, digits in probe.items())
    return fitted_table([["fingerprint", fingerprint(identity)], *rows, ["probe", bits]])


def _measure(device: str, arguments: argparse.Namespace) -> NoiseFloor | None:
    """The floor; None, and a line that says why, if the runs could not be made."""
    try:
        return measure_noise_floor(device, arguments.threads, arguments.size, arguments.pairs)
    except UserError as error:
        warn("doctor", f"warning: cannot measure the noise floor: {error}")
        return None


def _tell_penalty(device: str, arguments: argparse.Namespace, floor: NoiseFloor | None) -> bool:
    """Print what runs on all cores at a time cost each other; false if it cannot be measured."""
    threads, size = arguments.threads, arguments.size
    counts = counts_to_try(Conditions(device, threads, size, size))
    if not counts:
        print("one run at a time: there are no cores, or no memory, for more")
        return True
    try:
        penalty = measure_penalty(slots_for(device, counts[0], threads), threads, size)
    except UserError as error:
        warn("doctor", f"warning: cannot measure the penalty of {counts[0]} runs: {error}")
        return False
    print(f"{penalty},\n  by {penalty.rounds} alternating rounds at {penalty.size} pixels", end="")
    if floor:
        side = "below" if penalty.relative <= floor.relative else "above"
        print(f": {side} the noise floor of {percent(floor.relative)}", end="")
    print(".")
    return True


def _describe(floor: NoiseFloor) -> str:
    threads = counted(floor.num_threads, "thread")
    rows = [
        [MEASURES[name], f"{100 * relative:.1f} %", f"{100 * relative / math.sqrt(SEEDS):.1f} %"]
        for name, relative in floor.measures.items()
    ]
    drift = f"the last pair took {floor.drift:.2f} times as long as the first"
    return "\n".join(
        [
            "noise floor (quick estimate): 95 % of differences between two executions are smaller",
            fitted_table([["", "single runs", f"means over {SEEDS} seeds"], *rows]),
            f"  ({floor.pairs} pairs of {floor.seconds:.2f} s on {floor.device}, {threads})",
            f"warning: drift beyond the noise floor: {drift}"
            if floor.drifts
            else f"drift within the noise floor: {drift}",
        ]
    )
