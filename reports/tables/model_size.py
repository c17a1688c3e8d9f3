"""The table of the sizes of networks, and of the arithmetic of one image."""

from __future__ import annotations

import pandas as pd

from reports.data.dataset import Dataset
from reports.data.grouping import completed, quality, rows_of_groups
from reports.data.spread import spread
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR
from reports.tables.table import Table

CAPTION = (
    "Learned parameters, those of PnP-ADMM's denoiser included, and the floating-point operations "
    "of one reconstruction, in millions: a multiplication and an addition count as two, in "
    "convolutions and matrix products alone, without Fourier transforms and element-wise "
    "operations. Means over the seeds that completed."
)
COLUMNS = {
    **FIRST,
    **PSNR,
    "parameters": cells.rounded("parameters"),
    "operations per image (MFLOP)": cells.decimal("flops_per_image", 1e-6),
    "time per image (ms)": cells.disturbed(cells.decimal("seconds_per_image", 1000)),
}


def model_size_table(dataset: Dataset) -> Table:
    """Return a row per workload and method with a network whose size was recorded."""
    measured = completed(dataset.runs)
    measured = measured[measured["parameters"].notna()]
    return Table("model_size", rows_of_groups(measured, _numbers), COLUMNS, CAPTION)


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    return {
        "seeds": len(group),
        **quality(group),
        "parameters": spread(group["parameters"]).mean,
        "flops_per_image": spread(group["flops_per_image"]).mean,
        "seconds_per_image": spread(group["reconstruct_seconds_per_image"]).mean,
        "disturbed": bool(group["disturbed"].any()),
    }
