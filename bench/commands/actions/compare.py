"""Compares two results folders, and says whether the second is worse."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from bench.commands.actions._shared import name_damaged
from bench.errors import UserError, counted
from bench.machine.collector import collector_paused
from reports.comparison.compare import Comparison, compare_folders
from reports.comparison.verdict import Limits
from reports.folder import write_csv


def execute(arguments: argparse.Namespace) -> int:
    """Print the comparison; 1 if B is worse than A beyond a limit, or lacks what A has."""
    limits = Limits(arguments.max_psnr_drop, arguments.max_slowdown, arguments.max_memory)
    with collector_paused():
        found = compare_folders(
            arguments.a,
            arguments.b,
            limits,
            renamed=[_renaming(given) for given in arguments.match],
            times_always=arguments.times == "always",
        )
    if arguments.csv is not None:
        _write_csv(found.table, arguments.csv)
    print("\n".join([*found.lines, "", *_verdict(found)]))
    name_damaged("compare", found.damaged)
    if found.regressions:
        return 1
    return 2 if found.damaged else 0


def _renaming(given: str) -> tuple[str, str]:
    new, equals, old = (part.strip() for part in given.partition("="))
    if not (new and equals and old):
        raise UserError(f"--match: {given!r} is not of the form NEW=OLD (two method names)")
    return new, old


def _write_csv(table: pd.DataFrame, path: Path) -> None:
    try:
        write_csv(table, path)
    except OSError as error:
        raise UserError(f"cannot write {path}: {error.strerror or error}") from error


def _verdict(found: Comparison) -> list[str]:
    lines = ["no regression"]
    if found.regressions:
        lines = [f"{counted(len(found.regressions), 'regression')}:", *_indented(found.regressions)]
    if found.inconclusive:
        lines += [f"{len(found.inconclusive)} inconclusive:", *_indented(found.inconclusive)]
    return lines


def _indented(lines: Sequence[str]) -> list[str]:
    return [f"  {line}" for line in lines]
