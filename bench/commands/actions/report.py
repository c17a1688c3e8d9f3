"""Writes the report of a results folder, once or while it grows, or the leaderboard of several."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from bench.commands.actions._shared import name_damaged, show_report, warn
from bench.commands.actions._watching import watch
from bench.errors import UserError
from bench.machine.collector import collector_paused

LEADERBOARD = Path("results") / "leaderboard"
# Options of the report of one folder, by what they are if they are not given.
OF_ONE = {"target": "auto", "figures": "auto", "watch": None, "style": "screen", "parquet": False}


def execute(arguments: argparse.Namespace) -> int:
    """Write the report; 2 if some records are damaged, or some of several folders left out."""
    if len(arguments.folder) > 1:
        return _leaderboard(arguments)
    if arguments.out is not None:
        raise UserError("--out works only with several folders: a report is in its results folder")
    (folder,) = arguments.folder
    options: dict[str, Any] = {
        "target": arguments.target,
        "reference": arguments.reference,
        "all_figures": arguments.figures == "all",
        "style": arguments.style,
        "parquet": arguments.parquet,
    }
    if arguments.watch is not None:
        watch(folder, arguments.watch, options)
    return 2 if show_report("report", folder, **options) else 0


def _leaderboard(arguments: argparse.Namespace) -> int:
    from reports.leaderboard import write_leaderboard

    for name, default in OF_ONE.items():
        if getattr(arguments, name) != default:
            raise UserError(f"--{name} works only with one folder")
    out = arguments.out or LEADERBOARD
    with collector_paused():
        made = write_leaderboard(arguments.folder, out, reference=arguments.reference)
    print(made.terminal)
    print(f"leaderboard: {made.folder}")
    for problem in made.problems:
        warn("report", f"warning: {problem}")
    for reason in made.left_out:
        warn("report", f"left out: {reason}")
    name_damaged("report", made.damaged)
    return 2 if made.left_out or made.damaged else 0
