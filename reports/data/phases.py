"""Where the time of a training step goes, and what a run spends besides."""

from __future__ import annotations

import pandas as pd

from reports.data.grouping import completed, rows_of_groups
from reports.data.spread import spread

PHASES = ("data", "forward", "backward", "optimiser")


def phase_means(runs: pd.DataFrame) -> pd.DataFrame:
    """Return a row per workload and trained method; seconds and counts of a step, means."""
    measured = completed(runs)
    return rows_of_groups(measured[measured["forward_seconds"].notna()], _means)


def _means(group: pd.DataFrame) -> dict[str, object]:
    def per_step(column: str) -> float:
        return spread(group[column] / group["steps"]).mean

    return {
        "seeds": len(group),
        **{f"{name}_seconds": per_step(f"{name}_seconds") for name in PHASES},
        "evaluations": per_step("forward_evaluations"),
        "vjps": per_step("vjps"),
        "wall_seconds": spread(group["wall_seconds"]).mean,
        "evaluation_share": spread(group["eval_seconds"] / group["wall_seconds"]).mean,
        "memory_share": spread(group["memory_seconds"] / group["wall_seconds"]).mean,
    }
