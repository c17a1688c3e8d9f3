"""Runs that cost next to nothing, made by the real command, and what can go wrong in them."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil

from bench.records import read_rows

PLUGIN = Path(__file__).with_name("cheap_plugin.py")
SETTINGS = (
    "images=pixels",
    "problem.kernel_size=3",
    "train.steps=2",
    "train.crops=2",
    "train.batch_size=1",
    "train.evaluate_every=1",
    "evaluate.validation_images=1",
    "evaluate.images=1",
    "evaluate.samples=0",
    "evaluate.pictures=0",
    "memory_pass=false",
    "reconstruction_pass=false",
)
PATIENCE = 120.0  # seconds, on a busy machine


def command(results: Path, methods: str, *arguments: str, seeds: int = 2) -> list[str]:
    """The command line of a grid of cheap runs."""
    grid = ["--methods", methods, "--problem", "gaussian", "--sizes", "16", "--seeds", str(seeds)]
    given = [*grid, "--plugin", str(PLUGIN), "--out", str(results), "--device", "cpu"]
    quick = ["--noise-pairs", "0", *([] if "--report" in arguments else ["--no-report"])]
    rest = [argument for argument in arguments if argument != "--report"]
    return [sys.executable, "-m", "bench", "run", *given, *quick, *SETTINGS, *rest]


def run(command_line: list[str], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    return subprocess.run(
        command_line, env={**os.environ, **environment}, capture_output=True, text=True, check=False
    )


def start(command_line: list[str], **environment: str) -> subprocess.Popen[str]:
    """Start a command, in a process group of its own as a terminal does."""
    return subprocess.Popen(
        command_line,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )


def wait_until(condition: Callable[[], object]) -> None:
    """Wait for something that has to come."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, "waited for too long"
        time.sleep(0.02)


def processes_of(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes that a command has started, and those that they have."""
    return psutil.Process(process.pid).children(recursive=True)


def all_gone(processes: list[psutil.Process]) -> bool:
    """Whether none of the processes is alive."""
    return not any(map(_is_alive, processes))


def _is_alive(process: psutil.Process) -> bool:
    try:
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def statuses(results: Path) -> dict[str, object]:
    """The status of each run, by its name."""
    found = read_rows(results)
    assert found.damaged == {}
    return {str(row["run_id"]): row["status"] for row in found.rows}


def leftovers(results: Path) -> Iterator[Path]:
    """Files that should not outlive a command: drafts, and claims."""
    yield from results.rglob(".tmp-*")
    yield from (results / "claims").glob("*")
