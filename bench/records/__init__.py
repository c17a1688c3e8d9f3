"""Records: what a run leaves behind, written whole or not at all, and read back with suspicion.

A results folder holds `experiment.yaml`, `plan.json` and a folder per run, `runs/<run_id>/`, with
`record.json` (one scalar row), `curve.csv` (a row per evaluation point) and, where there is
something to say, `steps.csv` (a row per training step), `reconstruction.csv` (per iteration
budget), `memory.csv` (per number of forward iterations) and `samples.npz`. The measurements of
`bench gradients` are the rows of one file, `gradients.csv`.
"""

from bench.records.model import DamagedRecord, RunRecord, Samples
from bench.records.plan import CONFIGURATIONS, Plan
from bench.records.reading import (
    Results,
    load_results,
    read_experiment,
    read_gradients,
    read_plan,
    read_record,
    read_rows,
)
from bench.records.schema import (
    COMPLETED,
    CURVE_COLUMNS,
    GRADIENT_COLUMNS,
    MEMORY_COLUMNS,
    RECONSTRUCTION_COLUMNS,
    RUN_COLUMNS,
    SCHEMA_VERSION,
    STATUSES,
    STEP_COLUMNS,
)
from bench.records.writing import (
    write_experiment,
    write_gradients,
    write_plan,
    write_record,
    write_text,
)

__all__ = [
    "COMPLETED",
    "CONFIGURATIONS",
    "CURVE_COLUMNS",
    "GRADIENT_COLUMNS",
    "MEMORY_COLUMNS",
    "RECONSTRUCTION_COLUMNS",
    "RUN_COLUMNS",
    "SCHEMA_VERSION",
    "STATUSES",
    "STEP_COLUMNS",
    "DamagedRecord",
    "Plan",
    "Results",
    "RunRecord",
    "Samples",
    "load_results",
    "read_experiment",
    "read_gradients",
    "read_plan",
    "read_record",
    "read_rows",
    "write_experiment",
    "write_gradients",
    "write_plan",
    "write_record",
    "write_text",
]
