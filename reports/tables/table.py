"""The form that all tables of a report share, and which of their times are indistinguishable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import pandas as pd

from reports.data.circumstances import fingerprints
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
    table: pd.DataFrame, runs: pd.DataFrame, floor: NoiseFloor, measures: Mapping[str, str]
) -> pd.DataFrame:
    """Add `<column>_ties_best`: which times are indistinguishable from the best of the workload.

    table: the rows of the groups of `runs`, in their order; measures: what is measured by each
    column of times. In a workload of several machines nothing is marked.
    """
    for column, measure in measures.items():
        floors = pd.Series([floor.of(own, measure) for _, own in runs.groupby(GROUP, sort=False)])
        floors = floors.mask(table[WORKLOAD].apply(tuple, axis=1).isin(_of_several_machines(runs)))
        ties = [
            pd.Series(ties_with_best(each[column], each["seeds"], floors[each.index]), each.index)
            for _, each in table.groupby(WORKLOAD)
        ]
        table = table.assign(**{f"{column}_ties_best": pd.concat(ties)})
    return table


def _of_several_machines(runs: pd.DataFrame) -> list[object]:
    """Return the workloads whose runs were made on machines of several fingerprints."""
    return [key for key, own in runs.groupby(WORKLOAD) if len(fingerprints(own)) > 1]
