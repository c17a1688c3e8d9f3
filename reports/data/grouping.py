"""What every table of a report is made of: the runs of one method in one place."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.records import STATUSES, Results
from reports.data.labels import NONE, printable, with_labels
from reports.format import Row
from reports.data.times import times_to_target

Write = Callable[[Row], str]
PLACE = ["problem", "size"]
GROUP = [*PLACE, "layer", "method", "label", "legend"]


def labelled_runs(results: Results, target: str) -> pd.DataFrame:
    """Return the runs with their labels and their times to the target, in reporting order."""
    times = times_to_target(results, target)
    return with_labels(results.runs).merge(times, on="run_id", how="left")


def rows_of_groups(
    runs: pd.DataFrame, numbers: Callable[[pd.DataFrame], dict[str, object]]
) -> pd.DataFrame:
    """Return a row per method and place, with the numbers of its runs."""
    return pd.DataFrame(
        [
            dict(zip(GROUP, key, strict=True)) | numbers(group)
            for key, group in runs.groupby(GROUP, sort=False)
        ]
    )


def statuses(group: pd.DataFrame) -> str:
    """Return how the runs of a group ended: `2 completed, 1 timeout`."""
    counts = group["status"].value_counts()
    return ", ".join(f"{counts[name]} {name}" for name in STATUSES if name in counts)


def text_table(table: pd.DataFrame, columns: dict[str, Write]) -> pd.DataFrame:
    """Return a table as text, a column per heading, after those that say where and what."""
    rows = table.to_dict("records")
    written = {heading: [write(row) for row in rows] for heading, write in _WHERE.items()}
    written |= {heading: [write(row) for row in rows] for heading, write in columns.items()}
    return pd.DataFrame(written, dtype="str")


_WHERE: dict[str, Write] = {
    "problem": lambda row: printable(row["problem"]),
    "size": lambda row: str(row["size"]),
    "layer": lambda row: printable(row["layer"]) or NONE,
    "method": lambda row: str(row["label"]),
}
