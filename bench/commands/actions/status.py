"""Prints how far the runs of a results folder are."""

from __future__ import annotations

import argparse
from collections import Counter

from bench.console import table, terminal_width
from bench.errors import UserError, counted, printable
from bench.execution.slurm.queue import job_standings
from bench.experiment.state import Experiment, RunState

MOST_NAMED = 10  # runs of one state that are named without --all
NAMED = (RunState.RUNNING, RunState.FAILED, RunState.DAMAGED, RunState.MISSING)


def execute(arguments: argparse.Namespace) -> int:
    """Print the states."""
    experiment = Experiment.read(arguments.folder, job_standings(arguments.folder))
    if not experiment.specs:
        raise UserError(f"{arguments.folder}: contains neither planned runs nor records")
    if arguments.all:
        lines = [_line(spec.run_id, experiment) for spec in experiment.specs]
    else:
        lines = [*_counts(experiment), *_worth_naming(experiment)]
    runs = counted(len(experiment.specs), "run")
    print("\n".join([*lines, f"{arguments.folder}: {runs}: {experiment}"]))
    return 0


def _line(run_id: str, experiment: Experiment) -> str:
    state, reason, _ = experiment[run_id]
    return f"{state:8} {printable(run_id + (f' ({reason})' if reason else ''), 300)}"


def _worth_naming(experiment: Experiment) -> list[str]:
    """The first few runs of each state in which there is a reason to be read."""
    lines: list[str] = []
    for state in NAMED:
        named = [spec for spec, each in experiment if each.state is state and each.reason]
        lines += [_line(spec.run_id, experiment) for spec in named[:MOST_NAMED]]
    return ["", *lines] if lines else []


def _counts(experiment: Experiment) -> list[str]:
    """A line for each workload and method, with the number of runs in each state."""
    counts: dict[tuple[str, ...], Counter[RunState]] = {}
    for spec, standing in experiment:
        counts.setdefault((*spec.place, spec.method), Counter())[standing.state] += 1
    shown = [state for state in RunState if experiment.count(state)]
    rows = [["problem", "size", "layer", "method", *shown]]
    for place, each in counts.items():
        words = [printable(word, 60) for word in place]
        rows.append([*words, *(str(each[state] or "") for state in shown)])
    return table(rows, width=terminal_width()).splitlines()
