"""What it costs a run that others execute beside it: a training step timed alone and in company.

Processes that have cores of their own still share caches, memory bandwidth and the clock frequency
of the processor. Rounds in which one process works alone take turns with rounds in which all do.
"""

from __future__ import annotations

import math
import os
import signal
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from typing import Any

from bench.errors import UserError
from bench.execution.launcher import fork_server, interrupts_held_back
from bench.execution.noise_floor import noise_run
from bench.execution.slots import Slot
from bench.plugins import load_builtins

ROUNDS, FEWEST_ROUNDS = 16, 6  # pairs of rounds; at least so many, though they take long
ROUND_SECONDS, MOST_SECONDS = 0.1, 8.0  # of one round; of all, once the fewest are made
PATIENCE_SECONDS = 120.0  # for an answer of a process
LARGEST_SIZE = 128  # pixels; steps of larger images would take minutes, and share no less
COVERAGE = 0.95


@dataclass(frozen=True)
class Penalty:
    """A training step takes `1 + relative` times as long beside others as alone.

    relative: the median over pairs of rounds; low, high: its 95 % interval; at_a_time: processes
    that work at the same time; size: of the images (pixels).
    """

    at_a_time: int
    relative: float
    low: float
    high: float
    rounds: int
    size: int
    num_threads: int

    def __str__(self) -> str:
        change, low, high = (f"{100 * x:+.1f} %" for x in (self.relative, self.low, self.high))
        return (
            f"{self.at_a_time} runs at a time change the time of a training step by {change} "
            f"(95 % interval {low} to {high})"
        )

    def as_mapping(self) -> dict[str, object]:
        """Plain values, for experiment.yaml."""
        return asdict(self)


def percent(relative: float) -> str:
    """A part as text."""
    return f"{100 * relative:.1f} %"


def penalty_of(
    pairs: Sequence[tuple[float, float]], at_a_time: int, size: int, num_threads: int
) -> Penalty:
    """The penalty that pairs (seconds alone, seconds in company) of equal work show.

    The interval is that of order statistics, which needs no distribution. ValueError with fewer
    than 6 pairs, which cannot have one.
    """
    if len(pairs) < FEWEST_ROUNDS:
        raise ValueError(f"give at least {FEWEST_ROUNDS} pairs of rounds, not {len(pairs)}")
    ratios = sorted(company / alone for alone, company in pairs)
    rank = _rank(len(ratios))
    return Penalty(
        at_a_time=at_a_time,
        relative=statistics.median(ratios) - 1,
        low=ratios[rank] - 1,
        high=ratios[-1 - rank] - 1,
        rounds=len(ratios),
        size=size,
        num_threads=num_threads,
    )


def _rank(count: int) -> int:
    """How many values lie outside the interval of the median, on each side."""
    below, rank = 0.0, 0
    while (below := below + math.comb(count, rank) / 2**count) <= (1 - COVERAGE) / 2:
        rank += 1
    return rank - 1


def measure_penalty(slots: Sequence[Slot], num_threads: int, size: int) -> Penalty:
    """The penalty of one run in each of the slots, which are on processor cores.

    size: of the images (pixels), at most 128 is used. It takes about four seconds at 32 pixels, and
    up to ten. Raises UserError if a process fails or does not answer.
    """
    size = min(size, LARGEST_SIZE)
    spec = noise_run("cpu", num_threads, size)
    with _team(slots, spec.config) as team:
        steps = max(1, round(ROUND_SECONDS / max(_answer(each) for each in team)))
        pairs: list[tuple[float, float]] = []
        started = time.monotonic()
        while len(pairs) < ROUNDS and (
            len(pairs) < FEWEST_ROUNDS or time.monotonic() - started < MOST_SECONDS
        ):
            pairs.append(_pair(team, len(pairs), steps))
    return penalty_of(pairs, len(slots), size, num_threads)


def _pair(team: Sequence[Connection], turn: int, steps: int) -> tuple[float, float]:
    """The seconds of one process alone and in company: each in its turn, either first."""
    own = turn % len(team)
    if (turn // len(team)) % 2 == 0:
        (alone,) = _round([team[own]], steps)
        return alone, _round(team, steps)[own]
    company = _round(team, steps)[own]
    (alone,) = _round([team[own]], steps)
    return alone, company


def _round(workers: Sequence[Connection], steps: int) -> list[float]:
    for each in workers:
        each.send(steps)
    return [_answer(each) for each in workers]


def _answer(worker: Connection) -> float:
    try:
        if worker.poll(PATIENCE_SECONDS):
            return float(worker.recv())
    except (EOFError, OSError) as error:
        raise UserError("a process that measures the penalty has failed") from error
    raise UserError("a process that measures the penalty does not answer")


@contextmanager
def _team(slots: Sequence[Slot], config: Mapping[str, Any]) -> Iterator[list[Connection]]:
    """A process for each slot; it sends the seconds of a step, then those of what it is sent."""
    context, processes, ends = fork_server(), list[BaseProcess](), list[Connection]()
    try:
        for slot in slots:
            end, other = context.Pipe()
            arguments = (config, slot.cores, other)
            process: BaseProcess = context.Process(target=_work, args=arguments, daemon=True)
            with interrupts_held_back():
                process.start()
            other.close()
            processes.append(process)
            ends.append(end)
        yield ends
    except (EOFError, OSError) as error:
        raise UserError(f"cannot start a process that measures the penalty: {error}") from error
    finally:
        for process, end in zip(processes, ends, strict=True):
            end.close()
            process.kill()
            process.join()


def _work(config: Mapping[str, Any], cores: Sequence[int], parent: Connection) -> None:
    """What a process of the team does, until its parent hangs up."""
    from bench.config.plain import from_plain
    from bench.measurement.lone_step import repeatable_step

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    if cores:
        os.sched_setaffinity(0, cores)
    load_builtins()
    repeat = repeatable_step(from_plain(config))
    with suppress(EOFError, OSError):
        parent.send(repeat(1))
        while True:
            parent.send(repeat(parent.recv()))
