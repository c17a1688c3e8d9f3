"""What may disturb a measurement on this machine: readings, and what they mean."""

from __future__ import annotations

import contextlib
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeGuard, TypeVar

import psutil

OK, WARNING, UNKNOWN = "ok", "warning", "unknown"
SAMPLE_SECONDS = 1.0
BUSY_SHARE = 0.2  # of a core, used by others
BUSY_LOAD = 1.0  # per core; more than what this benchmark itself leaves behind
LEAST_MEMORY = 2 * 2**30
LEAST_MEMORY_SHARE = 0.1
LEAST_CLOCK_SHARE = 0.8
NEAR_CRITICAL = 10.0  # °C below the critical temperature
CLOCK_JUMP = 0.05  # seconds
CONTROL_GROUPS = Path("/sys/fs/cgroup")
GOVERNOR = Path("/sys/devices/system/cpu/cpu0/cpufreq/scaling_governor")
THREAD_VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS")
Value = TypeVar("Value")


@dataclass(frozen=True)
class Finding:
    """What was looked at, its level (ok, warning or unknown), what was read, and advice."""

    level: str
    subject: str
    read: str
    advice: str = ""


@dataclass(frozen=True)
class Readings:
    """What the system says of itself; None where it says nothing.

    busy_cores: cores that other processes used over a sample; busiest: the name of the one that
    used most; cores: those this process may use; memory in bytes; clock in MHz; temperature and
    critical in °C; clock_jump: seconds that the wall clock gained on the monotonic one.
    """

    cores: float | None = None
    num_threads: int = 1
    thread_variables: tuple[tuple[str, str], ...] = ()
    load_average: float | None = None
    busy_cores: float | None = None
    busiest: str = ""
    memory_available: int | None = None
    memory_total: int | None = None
    swap_used: int | None = None
    clock: float | None = None
    clock_most: float | None = None
    governor: str | None = None
    temperature: float | None = None
    critical: float | None = None
    on_battery: bool | None = None
    clock_jump: float | None = None


def findings(readings: Readings) -> list[Finding]:
    """One finding for each subject, in the order of importance."""
    judges = (_busy, _load, _threads, _memory, _clock_frequency, _temperature, _power)
    return [*(judge(readings) for judge in judges), wall_clock(readings.clock_jump)]


def _finding(subject: str, read: str, advice: str, *, bad: bool) -> Finding:
    return Finding(WARNING if bad else OK, subject, read, advice if bad else "")


def _not_readable(subject: str) -> Finding:
    return Finding(UNKNOWN, subject, "cannot be read on this machine")


def _known(value: float | None, least: float = -math.inf) -> TypeGuard[float]:
    """Whether a number was read that is finite and above `least`."""
    return value is not None and math.isfinite(value) and value > least


def _busy(r: Readings) -> Finding:
    if not _known(r.busy_cores):
        return _not_readable("other processes")
    bad = r.busy_cores > BUSY_SHARE
    busiest = f" (busiest: {r.busiest})" if r.busiest and bad else ""
    read = f"use {r.busy_cores:.1f} of {r.cores or 0:g} cores{busiest}"
    return _finding("other processes", read, "wait, or end them", bad=bad)


def _load(r: Readings) -> Finding:
    if not _known(r.load_average) or not _known(r.cores, 0):
        return _not_readable("load average")
    # In a container it also counts processes that cannot be seen from inside.
    read = f"{r.load_average:.2f} over the last minute on {r.cores:g} cores"
    bad = r.load_average > BUSY_LOAD * r.cores
    return _finding("load average", read, "wait until it falls", bad=bad)


def _threads(r: Readings) -> Finding:
    if not _known(r.cores, 0):
        return _not_readable("threads")
    read = f"num_threads={r.num_threads} on {r.cores:g} cores"
    for name, text in r.thread_variables:
        if r.num_threads <= r.cores and text.isdigit() and int(text) > r.cores:
            return Finding(WARNING, "threads", f"{read}, {name}={text}", f"unset {name}")
    return _finding("threads", read, "lower num_threads", bad=r.num_threads > r.cores)


def _memory(r: Readings) -> Finding:
    if r.memory_available is None or not r.memory_total:
        return _not_readable("memory")
    gibibytes = r.memory_available / 2**30
    read = f"{gibibytes:.1f} of {r.memory_total / 2**30:.1f} GiB available"
    if r.swap_used:
        read += f", {r.swap_used / 2**30:.1f} GiB swapped out"
    short = r.memory_available < max(LEAST_MEMORY, LEAST_MEMORY_SHARE * r.memory_total)
    return _finding("memory", read, "close other programs", bad=short)


def _clock_frequency(r: Readings) -> Finding:
    if r.governor == "powersave":
        return Finding(WARNING, "clock", "governor: powersave", "set the performance governor")
    if not _known(r.clock) or not r.clock_most or not _known(r.clock_most):
        return _not_readable("clock")
    read = f"{r.clock:.0f} of {r.clock_most:.0f} MHz"
    slow = r.clock < LEAST_CLOCK_SHARE * r.clock_most
    return _finding("clock", read, "the processor may be throttled", bad=slow)


def _temperature(r: Readings) -> Finding:
    if not _known(r.temperature):
        return _not_readable("temperature")
    if not _known(r.critical, 0):
        return Finding(OK, "temperature", f"{r.temperature:.0f} °C")
    read = f"{r.temperature:.0f} °C, critical at {r.critical:.0f} °C"
    hot = r.temperature > r.critical - NEAR_CRITICAL
    return _finding("temperature", read, "let the machine cool down", bad=hot)


def _power(r: Readings) -> Finding:
    if r.on_battery is None:
        return _not_readable("power")
    read = "on battery" if r.on_battery else "on mains power"
    return _finding("power", read, "connect the power supply", bad=r.on_battery)


def wall_clock(gained: float | None) -> Finding:
    """What it means that the wall clock gained so many seconds on the monotonic one."""
    if not _known(gained):
        return _not_readable("wall clock")
    read = f"{gained:+.3f} s relative to the monotonic clock"
    advice = "start times are unreliable; durations are not"
    return _finding("wall clock", read, advice, bad=abs(gained) > CLOCK_JUMP)


# ---------------------------------------------------------------------------------------- reading


class ClockWatch:
    """The seconds that the wall clock gains on the monotonic one, from the watch's making on."""

    def __init__(self) -> None:
        self._offset = time.time() - time.monotonic()

    def gained(self) -> float:
        """Seconds gained so far; negative if the wall clock was put back."""
        return time.time() - time.monotonic() - self._offset


def read_machine(num_threads: int) -> Readings:
    """Read all that the system tells; takes a second, over which other processes are watched."""
    busy_cores, busiest, clock_jump = _watch_others()
    memory, swap = _try(psutil.virtual_memory), _try(psutil.swap_memory)
    frequency = _try(psutil.cpu_freq)
    temperature, critical = _hottest()
    battery = _try(lambda: psutil.sensors_battery())
    return Readings(
        cores=_try(available_cores),
        num_threads=num_threads,
        thread_variables=tuple((n, os.environ[n]) for n in THREAD_VARIABLES if n in os.environ),
        load_average=_try(lambda: os.getloadavg()[0]),
        busy_cores=busy_cores,
        busiest=busiest,
        memory_available=memory.available if memory else None,
        memory_total=memory.total if memory else None,
        swap_used=swap.used if swap else None,
        clock=frequency.current if frequency else None,
        clock_most=frequency.max if frequency else None,
        governor=_try(lambda: GOVERNOR.read_text(encoding="ascii").strip()),
        temperature=temperature,
        critical=critical,
        on_battery=None if battery is None else not battery.power_plugged,
        clock_jump=clock_jump,
    )


def available_cores(control_groups: Path = CONTROL_GROUPS) -> float:
    """The cores that this process may use: its affinity, and its control group's quota."""
    cores: float = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else 0.0
    cores = cores or float(os.cpu_count() or 1)
    for files in (("cpu.max",), ("cpu/cpu.cfs_quota_us", "cpu/cpu.cfs_period_us")):  # v2, v1
        with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
            text = " ".join((control_groups / file).read_text(encoding="ascii") for file in files)
            quota, period = map(int, text.split())  # v2 says "max" where there is no quota, v1 -1
            cores = min(cores, quota / period) if quota > 0 else cores
    return cores


def _watch_others() -> tuple[float, str, float]:
    """The cores that other processes use, the name of the busiest, and the wall clock's gain."""
    before, watch, start = _processor_seconds(), ClockWatch(), time.monotonic()
    time.sleep(SAMPLE_SECONDS)
    elapsed, jump = time.monotonic() - start, watch.gained()
    after = _processor_seconds()
    used = {key: after[key] - before[key] for key in after.keys() & before.keys()}
    busiest = max(used, key=used.__getitem__, default=(0, ""))
    return sum(used.values()) / elapsed, busiest[1], jump


def _processor_seconds() -> dict[tuple[int, str], float]:
    """Processor seconds so far of every other process, by its number and name."""
    seconds = {}
    for process in psutil.process_iter(["pid", "name", "cpu_times"]):
        times = process.info["cpu_times"]
        if times is not None and process.info["pid"] != os.getpid():
            seconds[process.info["pid"], str(process.info["name"])] = times.user + times.system
    return seconds


def _hottest() -> tuple[float | None, float | None]:
    sensors: Any = _try(lambda: psutil.sensors_temperatures()) or {}
    known = [each for group in sensors.values() for each in group if each.current]
    if not known:
        return None, None
    hottest = max(known, key=lambda each: each.current - (each.critical or 100.0))
    return hottest.current, hottest.critical


def _try(read: Callable[[], Value]) -> Value | None:
    """What `read` returns, None where the system does not offer it."""
    try:
        return read()
    except (AttributeError, NotImplementedError, OSError, RuntimeError, ValueError):
        return None
