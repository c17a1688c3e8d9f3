"""What two executions of one run have in common."""

from __future__ import annotations

from bench.records import RunRecord

# The ends of the names of columns that are of the execution: times, and what the machine did.
OF_THE_EXECUTION = (
    *("_seconds", "seconds_per_image", "started_at", "load_average", "concurrency"),
    *("calibration_before", "calibration_after"),
)


def repeatable(record: RunRecord, *ignored: str) -> list[dict[str, str]]:
    """The row and the tables of a record, without what is of its execution or `ignored`."""
    tables = (record.curve, record.steps, record.reconstruction, record.images)
    rows = [record.row, *(row for table in tables for row in table)]
    left_out = (*OF_THE_EXECUTION, *ignored)
    return [
        {name: repr(value) for name, value in row.items() if not name.endswith(left_out)}
        for row in rows
    ]
