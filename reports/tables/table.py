"""The form that all tables of a report share, and which of their times are indistinguishable."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property

import pandas as pd

from reports.data.best import verdicts_on_times
from reports.data.grouping import GROUP, WORKLOAD
from reports.data.noise import NoiseFloor
from reports.tables.cells import Write


@dataclass(frozen=True)
class Timed:
    """The column of a run that a column of times is made of, and the measure of its noise floor."""

    column: str
    measure: str


@dataclass(frozen=True)
class Judged:
    """The column of numbers that a head shows, with its `<column>_verdict` against the best.

    verdicts: the same verdicts among some of the rows, as if there were no others.
    """

    column: str
    verdicts: Callable[[pd.DataFrame], pd.Series[str]]


@dataclass(frozen=True)
class Table:
    """A table under the name of its files: numbers, and how a cell under each head is written.

    judged: the heads of which the numbers have verdicts.
    """

    stem: str
    numbers: pd.DataFrame
    columns: Mapping[str, Write]
    caption: str = ""
    notes: list[str] = field(default_factory=list)
    judged: Mapping[str, Judged] = field(default_factory=dict)

    @cached_property
    def cells(self) -> pd.DataFrame:
        """The numbers as text, a column per head; what does not apply is a dash."""
        rows = self.numbers.to_dict("records")
        written = {head: [write(row) for row in rows] for head, write in self.columns.items()}
        return pd.DataFrame(written, dtype="str")


def judged_times(
    runs: pd.DataFrame, floor: NoiseFloor, measures: Mapping[str, Timed], heads: Mapping[str, str]
) -> dict[str, Judged]:
    """Return what judges the columns of times; heads: the head of each."""

    def judge(column: str) -> Judged:
        def verdicts(rows: pd.DataFrame) -> pd.Series[str]:
            found = mark_ties(rows, runs, floor, {column: measures[column]})
            return found[f"{column}_verdict"]

        return Judged(column, verdicts)

    return {head: judge(column) for column, head in heads.items()}


def mark_ties(
    table: pd.DataFrame, runs: pd.DataFrame, floor: NoiseFloor, measures: Mapping[str, Timed]
) -> pd.DataFrame:
    """Add `<column>_verdict` on each column of times, against the best of the workload.

    table: rows of the groups of `runs`, by their place in the order of the groups.
    """
    groups = [group for _, group in runs.groupby(GROUP, sort=False)]
    for column, timed in measures.items():
        parts = []
        for _, each in table.groupby(WORKLOAD, sort=False):
            own = [groups[at] for at in each.index]
            noise = floor.noise_of(timed.measure, pd.concat(own))
            found = verdicts_on_times(list(each[column]), own, timed.column, noise)
            parts.append(pd.Series(found, each.index, dtype="str"))
        table = table.assign(**{f"{column}_verdict": pd.concat(parts)})
    return table
