"""The table of metrics that methods report of their own: their last values."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.grouping import GROUP
from reports.data.metrics import last_values, metric_values
from reports.format import counted
from reports.stats.intervals import mean_interval
from reports.tables import cells
from reports.tables.cells import FIRST
from reports.tables.table import Table

MOST_METRICS = 60  # names in the table; a method may make up one in every step
CAPTION = (
    "Metrics that a method reports of its own during training: the value at the last step at which "
    "it was reported, mean over the seeds that completed. Brackets are 95 % intervals over seeds. "
    "Values that are not finite are left out; seeds are those with a finite value, out of those "
    "that reported the metric."
)
COLUMNS = {
    **FIRST,
    "metric": cells.text("metric"),
    "last value": cells.significant_with_interval("last_value"),
    "seeds": lambda row: f"{row['seeds']}/{row['reported']}",
}


def metrics_table(dataset: Dataset) -> Table:
    """Return a row per workload, method and metric; none where no method reports any."""
    values = metric_values(dataset.runs, dataset.results.metrics)
    names = list(values["name"].unique())
    shown = last_values(values[values["name"].isin(names[:MOST_METRICS])])
    numbers = pd.DataFrame(
        {**dict(zip([*GROUP, "metric"], key, strict=True)), **_numbers(group)}
        for key, group in shown.groupby([*GROUP, "name"], sort=False)
    )
    left_out = len(names) - MOST_METRICS
    notes = [f"{counted(left_out, 'further metric')} left out."] if left_out > 0 else []
    return Table("metrics", numbers, COLUMNS, CAPTION, notes)


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    values = group["value"].to_numpy(np.float64)
    interval = mean_interval(values)
    return {
        "last_value": interval.estimate,
        "last_value_low": interval.low,
        "last_value_high": interval.high,
        "seeds": int(np.isfinite(values).sum()),
        "reported": len(values),
    }
