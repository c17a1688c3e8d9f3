"""Where the time of a training step goes, and what the run spends beside it."""

from __future__ import annotations

import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.grouping import rows_of_groups, text_table
from reports.data.labels import with_labels
from reports.data.spread import spread
from reports.format import number, percentage

PHASES = ("data", "forward", "backward", "optimiser")
SAID = (
    "Means over the steps and seeds that completed: milliseconds of each phase of a training step, "
    "evaluations of T and vector-Jacobian products of a step, and of the whole run the part that "
    "evaluation on the test images and the passes that measure memory took."
)


def phases_table(results: Results) -> pd.DataFrame:
    """Return a row per problem, size and trained method; seconds and counts of a step."""
    runs = with_labels(results.runs)
    runs = runs[(runs["status"] == COMPLETED) & runs["forward_seconds"].notna()]
    return rows_of_groups(runs, _numbers) if len(runs) else pd.DataFrame()


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    def of_a_step(column: str) -> float:
        return spread(group[column] / group["steps"]).mean

    return {
        "seeds": len(group),
        **{f"{name}_seconds": of_a_step(f"{name}_seconds") for name in PHASES},
        "evaluations": of_a_step("forward_evaluations"),
        "vjps": of_a_step("vjps"),
        "wall_seconds": spread(group["wall_seconds"]).mean,
        "evaluation_share": spread(group["eval_seconds"] / group["wall_seconds"]).mean,
        "memory_share": spread(group["memory_seconds"] / group["wall_seconds"]).mean,
    }


def phases_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the phases as text, a column per heading."""
    return text_table(
        table,
        {
            "data (ms)": lambda row: number(1000 * row["data_seconds"]),
            "forward (ms)": lambda row: number(1000 * row["forward_seconds"]),
            "backward (ms)": lambda row: number(1000 * row["backward_seconds"]),
            "optimiser (ms)": lambda row: number(1000 * row["optimiser_seconds"]),
            "evaluations": lambda row: number(row["evaluations"]),
            "VJPs": lambda row: number(row["vjps"]),
            "whole run (s)": lambda row: number(row["wall_seconds"]),
            "evaluation": lambda row: percentage(row["evaluation_share"]),
            "memory passes": lambda row: percentage(row["memory_share"]),
        },
    )
