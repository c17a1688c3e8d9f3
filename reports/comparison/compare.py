"""The comparison of two results folders, from their records to text and verdict."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from bench.records import load_results
from reports.comparison import text
from reports.comparison.changes import changes
from reports.comparison.differences import differences, obstacle_to_times
from reports.comparison.matching import Pair, match_runs
from reports.comparison.verdict import Limits, regressions
from reports.data.dataset import Dataset
from reports.data.noise import NoiseFloor
from reports.format import printable


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
    a, b = (Dataset.of(load_results(path)) for path in (path_a, path_b))
    matching = match_runs(a.runs, b.runs, renamed)
    pairs = matching.pairs
    obstacle = obstacle_to_times(a.results.experiment, b.results.experiment, pairs)
    compared, floor = times_always or not obstacle, common_floor((a.floor, b.floor), pairs)
    found = changes(pairs, floor, times=compared)
    times = [f"times are not compared: {obstacle}"]
    if compared:
        warning = [f"warning, times are not comparable: {obstacle}"] if obstacle else []
        times = [*warning, *text.times(found, floor)]
    lines = [
        *(f"{name}: {printable(each.results.path, 100)}" for name, each in (("A", a), ("B", b))),
        *text.differing(differences(a.results, b.results, pairs)),
        *text.matched(matching),
        *("", *text.quality(found)),
        *("", *times),
    ]
    damaged = [*a.results.damaged, *b.results.damaged]
    verdict = regressions(found, pairs, limits)
    return Comparison(lines, text.table(found, limits), verdict, damaged)


def common_floor(floors: Sequence[NoiseFloor], pairs: Sequence[Pair]) -> float:
    """Return the largest of the noise floors that count for the runs of B; NaN if none does."""
    runs = pd.DataFrame([pair.b for pair in pairs], columns=["device", "num_threads"])
    relative = [floor.of(runs) for floor in floors]
    return max((each for each in relative if math.isfinite(each)), default=math.nan)
