"""Two hundred runs, with processes killed at random, end as they would have ended undisturbed."""

from __future__ import annotations

import random
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from bench.records import read_record
from tests.support.cheap_runs import command, leftovers, processes_of, run, start, statuses
from tests.support.repeatable import repeatable

RUNS = 200
MOST_KILLS, FEWEST_KILLS = 40, 25  # the grid may be at its end before the last of them
MOST_COMMANDS = 60


def grid(results: Path, *arguments: str) -> list[str]:
    jobs = str(min(len(psutil.Process().cpu_affinity() or [0]), 2))
    return command(results, "cheap", "--jobs", jobs, *arguments, seeds=RUNS)


def victim(parent: subprocess.Popen[str], chance: random.Random) -> psutil.Process | None:
    """A worker, mostly; a supervisor, the server that they are forked from, or the parent."""
    kind = chance.choices(("worker", "supervisor", "server", "parent"), (6, 3, 1, 1))[0]
    if kind == "parent":
        return psutil.Process(parent.pid)
    found: dict[str, list[psutil.Process]] = {"server": [], "supervisor": [], "worker": []}
    for process in processes_of(parent):
        generations = len(process.parents()) - len(psutil.Process(parent.pid).parents())
        name = {1: "server", 2: "supervisor", 3: "worker"}.get(generations)
        if name:
            found[name].append(process)
    return chance.choice(found[kind]) if found[kind] else None


def disturb(parent: subprocess.Popen[str], chance: random.Random, kills: int) -> int:
    """Kill one of the command's processes now and then until it has ended; returns how many."""
    made = 0
    while parent.poll() is None:
        time.sleep(chance.uniform(0.2, 1.2))
        with suppress(psutil.NoSuchProcess):
            if made < kills and (found := victim(parent, chance)):
                found.kill()
                made += 1
    return made


@pytest.mark.soak
@pytest.mark.timeout(1200)
def test_a_grid_that_is_killed_again_and_again_ends_as_one_that_is_not(tmp_path: Path) -> None:
    calm, wild = tmp_path / "calm", tmp_path / "wild"
    assert run(grid(calm)).returncode == 0
    chance = random.Random(2026)
    kills = commands = 0
    while True:
        parent = start(grid(wild, "--retry", "failed"))
        kills += disturb(parent, chance, MOST_KILLS - kills)
        _, said = parent.communicate()
        commands += 1
        assert "Traceback" not in said, said
        assert commands < MOST_COMMANDS
        if parent.returncode == 0:
            break
    assert kills >= FEWEST_KILLS
    assert list(statuses(wild).values()) == ["completed"] * RUNS
    assert list(leftovers(wild)) == []
    for name in statuses(calm):
        calm_record, wild_record = (read_record(each / "runs" / name) for each in (calm, wild))
        assert repeatable(wild_record) == repeatable(calm_record)
