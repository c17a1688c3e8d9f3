"""The comparison of two results folders, from their records to text and verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.records import Results, load_results
from reports.comparison import text
from reports.comparison.changes import Change, changes
from reports.comparison.circumstances import differences, noise_floor, why_times_differ_anyway
from reports.comparison.matching import Matching, match_runs
from reports.comparison.verdict import Limits, regressions
from reports.data.labels import printable


@dataclass(frozen=True)
class Comparison:
    """What `compare` prints and writes; `damaged` names the records that could not be read."""

    lines: list[str]
    table: pd.DataFrame
    regressions: list[str]
    damaged: list[str]


def compare_folders(
    path_a: Path,
    path_b: Path,
    limits: Limits,
    *,
    renamed: Sequence[tuple[str, str]] = (),
    times_always: bool = False,
) -> Comparison:
    """Compare B with A; raises UserError if a folder is no results folder or nothing matches."""
    a, b = load_results(path_a), load_results(path_b)
    matching = match_runs(a.runs, b.runs, renamed)
    obstacle = why_times_differ_anyway(a.experiment, b.experiment, matching.pairs)
    floor = noise_floor(a.experiment, b.experiment, matching.pairs)
    compare_times = times_always or not obstacle
    found = changes(matching.pairs, floor, times=compare_times)
    return Comparison(
        lines=_lines(a, b, matching, found, floor, obstacle, compare_times=compare_times),
        table=text.table(found, limits),
        regressions=regressions(found, matching.pairs, limits),
        damaged=[*a.damaged, *b.damaged],
    )


def _lines(
    a: Results,
    b: Results,
    matching: Matching,
    found: list[Change],
    floor: float,
    obstacle: str,
    *,
    compare_times: bool,
) -> list[str]:
    folders = [f"{name}: {printable(each.path, 100)}" for name, each in (("A", a), ("B", b))]
    differing = differences(a, b, matching.pairs)
    times = text.times(found, floor) if compare_times else [f"times are not compared: {obstacle}"]
    warning = [f"careful, times are of {obstacle}"] if compare_times and obstacle else []
    blocks = [
        [*folders, *text.differing(differing), *text.matched(matching)],
        text.quality(found),
        [*warning, *times],
    ]
    return [line for block in blocks for line in (*block, "")][:-1]
