"""The form that all tables of a report share, and which of their times are indistinguishable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from reports.data.grouping import GROUP, WORKLOAD
from reports.data.noise import NoiseFloor, ties_with_best
from reports.tables.cells import Write


@dataclass(frozen=True)
class Table:
    """A table under the name of its files: numbers, and how a cell under each head is written."""

    stem: str
    numbers: pd.DataFrame
    columns: Mapping[str, Write]
    caption: str = ""
    notes: list[str] = field(default_factory=list)

    @property
    def cells(self) -> pd.DataFrame:
        """The numbers as text, a column per head; what does not apply is a dash."""
        rows = self.numbers.to_dict("records")
        written = {head: [write(row) for row in rows] for head, write in self.columns.items()}
        return pd.DataFrame(written, dtype="str")


def mark_ties(
    table: pd.DataFrame, runs: pd.DataFrame, floor: NoiseFloor, *columns: str
) -> pd.DataFrame:
    """Add `<column>_ties_best`: which times are indistinguishable from the best of the workload.

    table: the rows of the groups of `runs`, in their order.
    """
    floors = pd.Series([floor.of(group) for _, group in runs.groupby(GROUP, sort=False)])
    for column in columns:
        ties = [
            pd.Series(ties_with_best(each[column], each["seeds"], floors[each.index]), each.index)
            for _, each in table.groupby(WORKLOAD)
        ]
        table = table.assign(**{f"{column}_ties_best": pd.concat(ties)})
    return table
