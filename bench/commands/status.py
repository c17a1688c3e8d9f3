"""`bench status`: which runs of an experiment are done, failed, being made, queued and missing."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from bench.errors import UserError, printable

if TYPE_CHECKING:
    from bench.experiment.status import RunStatus

ACCEPTS_SETTINGS = False
USAGE = "python -m bench status [--all] FOLDER"
EPILOG = """\
Reads the plan, the records and the claims of a results folder, and asks Slurm for the jobs that
were submitted from it. It imports no plug-in and no torch, and writes nothing.

  done      its record says completed
  failed    its record says why: status and message
  running   a process that is alive has claimed it, or its job runs
  queued    its job waits
  damaged   its record cannot be read: the run is made again
  missing   none of these; a job that ended without a record is named

Whether a record is stale, made by other code or versions, is said by `bench run --dry-run`.

examples:
  python -m bench status results/mine
  python -m bench status --all results/mine | grep missing

Exit status: 0, or 2 if the folder cannot be read.
"""
MOST_NAMED = 10  # runs of one state that are named without --all


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the options of `status`."""
    parser.add_argument("folder", type=Path, metavar="FOLDER", help="a results folder")
    parser.add_argument("--all", action="store_true", help="name every run, a line each")


def execute(arguments: argparse.Namespace, command_line: Sequence[str]) -> int:
    """Print the states."""
    from bench.experiment.status import STATES, read_status, table

    runs = read_status(arguments.folder)
    if not runs:
        raise UserError(f"{arguments.folder}: no runs are planned, and there are no records")
    named = runs if arguments.all else _worth_naming(runs)
    lines = [f"{run.state:8} {printable(run.run_id + _note(run), 300)}" for run in named]
    shown = [] if arguments.all else [*table(runs), *([""] if lines else [])]
    counts = Counter(run.state for run in runs)
    said = ", ".join(f"{counts[state]} {state}" for state in STATES if counts[state])
    print("\n".join([*shown, *lines, f"{arguments.folder}: {len(runs)} runs: {said}"]))
    return 0


def _worth_naming(runs: Sequence[RunStatus]) -> list[RunStatus]:
    """The first few of each state in which something is to be said of a run."""
    named = []
    for state in ("running", "failed", "damaged", "missing"):
        named += [run for run in runs if run.state == state and run.note][:MOST_NAMED]
    return named


def _note(run: RunStatus) -> str:
    return f" ({run.note})" if run.note else ""
