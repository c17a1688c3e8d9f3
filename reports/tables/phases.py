"""The table of the phases of a training step."""

from __future__ import annotations

from reports.data.dataset import Dataset
from reports.data.phases import PHASES, phase_means
from reports.tables import cells
from reports.tables.cells import FIRST
from reports.tables.table import Table

CAPTION = (
    "Time of each phase of a training step, evaluations of T and vector-Jacobian products (VJPs) "
    "per step: means over the steps of the seeds that completed. The shares are the fractions of "
    "the whole run spent on evaluation and on the passes that measure memory."
)
COLUMNS = {
    **FIRST,
    **{f"{name} time (ms)": cells.decimal(f"{name}_seconds", 1000) for name in PHASES},
    "evaluations per step": cells.decimal("evaluations"),
    "VJPs per step": cells.decimal("vjps"),
    "whole run (s)": cells.decimal("wall_seconds"),
    "evaluation share (%)": cells.percent("evaluation_share"),
    "memory pass share (%)": cells.percent("memory_share"),
}


def phases_table(dataset: Dataset) -> Table:
    """Return a row per workload and trained method; seconds and counts of a step."""
    return Table("phases", phase_means(dataset.runs), COLUMNS, CAPTION)
