"""The training table: what it takes to train a method to a quality; methods that train only."""

from __future__ import annotations

import math

import pandas as pd

from reports.data.circumstances import timing_notes
from reports.data.dataset import Dataset
from reports.data.grouping import WORKLOAD, completed, quality, rows_of_groups, status_counts
from reports.data.spread import spread
from reports.data.times import brackets, followed, time_to_target
from reports.stats.intervals import median_interval
from reports.stats.survival import restricted_mean
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR, TARGET, Write
from reports.tables.table import Table, Timed, judged_times, mark_ties

CAPTION = (
    "Time to target: seconds of training from which the PSNR of the validation images stays at or "
    "above the target until the end of the training, the median over seeds. Where the median seed "
    "did not keep it, > and a lower bound, with the number of seeds that did. Brackets are the 95 "
    "% interval of the median, parentheses with a dash the range of fewer than five seeds; a "
    "single seed has neither. First crossing: the first evaluation at or above the target, below "
    "which a later one may be; the median over seeds. Interval width: the largest gap over seeds "
    "between the evaluation from which the target is kept and the one before, relative to the "
    "time. Restricted mean time: the area under the Kaplan-Meier curve up to the longest training "
    "of the workload. A run that ended below the target counts with that time; a run stopped by "
    "its time limit is censored."
)
COLUMNS: dict[str, Write] = {
    **FIRST,
    **PSNR,
    **TARGET,
    "training time (s)": cells.disturbed(cells.marked("train_seconds")),
    "time to target (s)": cells.disturbed(cells.of_seeds("time_to_target", cells.time_to_target())),
    "first crossing (s)": cells.decimal("time_to_first_crossing"),
    "interval width (%)": cells.percent("time_to_target_resolution", 1),
    "restricted mean time (s)": cells.decimal("restricted_mean"),
    "evaluations to target": cells.rounded("evaluations_to_target"),
    "VJPs to target": cells.rounded("vjps_to_target"),
    "set-up time (s)": cells.decimal("setup_seconds"),
    "warm-up time (s)": cells.decimal("warm_up_seconds"),
    "compile time (s)": cells.decimal("compile_seconds"),
    "converged adjoint solves (%)": cells.percent("adjoint_converged_fraction"),
    "status": cells.text("status"),
}

MEASURES = {
    "time_to_target": Timed("reached", "target"),
    "train_seconds": Timed("train_seconds", "step"),
}
HEADS = {"time_to_target": "time to target (s)", "train_seconds": "training time (s)"}


def training_table(dataset: Dataset) -> Table:
    """Return a row per workload and trained method; times in seconds, inf: not reached."""
    runs, caption = dataset.trained, f"Target: {dataset.target}. {CAPTION}"
    horizon = runs.groupby(WORKLOAD)[["train_seconds", "below"]].transform("max").max(axis=1)
    numbers = rows_of_groups(runs.assign(horizon=horizon), _numbers)
    if len(numbers):
        numbers = mark_ties(numbers, runs, dataset.floor, MEASURES)
    judged = judged_times(runs, dataset.floor, MEASURES, HEADS)
    return Table("training", numbers, COLUMNS, caption, timing_notes(dataset.runs), judged)


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    done, times = completed(group), time_to_target(group)
    reached, horizon = group["reached"].to_numpy(), float(group["horizon"].max())
    median = median_interval(reached)
    gaps = [each.relative_width for each in brackets(group) if not each.censored]
    return {
        "target_psnr": times.pop("target_psnr"),
        "seeds": len(group),
        "seeds_reached": int(group["reached"].map(math.isfinite).sum()),
        **quality(done),
        "train_seconds": spread(done["train_seconds"]).mean,
        **times,
        "time_to_target_low": median.low,
        "time_to_target_high": median.high,
        "time_to_target_is_range": median.is_range,
        "time_to_first_crossing": float(group["first_reached"].median()),
        "time_to_target_resolution": max(gaps, default=math.nan),
        "restricted_mean": restricted_mean(reached, followed(group, horizon), horizon),
        "horizon": horizon,
        "evaluations_to_target": float(group["evaluations_to_target"].median()),
        "vjps_to_target": float(group["vjps_to_target"].median()),
        "setup_seconds": spread(done["setup_seconds"]).mean,
        "warm_up_seconds": spread(done["warm_up_seconds"]).mean,
        "compile_seconds": spread(done["compile_seconds"]).mean,
        "adjoint_converged_fraction": float(done["adjoint_converged_fraction"].min()),
        "disturbed": bool(group["disturbed"].any()),
        "status": status_counts(group),
    }
