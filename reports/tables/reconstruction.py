"""The reconstruction table: the time of one image to a quality, and when training pays back."""

from __future__ import annotations

import math

import pandas as pd

from reports.data.circumstances import timing_notes
from reports.data.dataset import Dataset
from reports.data.grouping import WORKLOAD, completed, quality, rows_of_groups
from reports.data.spread import spread
from reports.data.times import TRAINED_FAMILIES, time_to_target
from reports.format import NONE, number
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR, TARGET, Row, Write
from reports.tables.table import Table, mark_ties

CAPTION = (
    "Time to target: milliseconds per image of a batch with the smallest iteration budget that, as "
    "all larger ones, reaches the target on the validation images; weights and parameters are the "
    "final ones. Fewer iterations are assumed to take no longer than more. Break-even: the number "
    "of images after which the training of a method has paid back, including preparation time, "
    "compared with the fastest method that does not train and reaches the target; never: its "
    "images take longer."
)


def _break_even(row: Row) -> str:
    if math.isnan(row["paid_back"]):
        return NONE
    never = math.isinf(row["paid_back"])
    return "never" if never else f"{row['paid_back']:.0f} (vs {row['paid_back_against']})"


def _iterations(row: Row) -> str:
    value = row["iterations_to_target"]
    return f"{value:g}" if math.isfinite(value) else NONE


def _or_dash(column: str) -> Write:
    """Write seconds, of which none were spent where they are 0."""
    return lambda row: number(row[column] or math.nan)


COLUMNS: dict[str, Write] = {
    **FIRST,
    **PSNR,
    **TARGET,
    "time to target (ms)": cells.disturbed(cells.time_to_target(1000)),
    "iterations to target": _iterations,
    "time with all iterations (ms)": cells.disturbed(cells.decimal("seconds_per_image", 1000)),
    "preparation time (s)": _or_dash("prepare_seconds"),
    "training time (s)": _or_dash("train_seconds"),
    "break-even (images)": _break_even,
}


def reconstruction_table(dataset: Dataset) -> Table:
    """Return a row per workload and method with a reconstruction track; seconds per image."""
    runs = completed(dataset.runs[dataset.runs["image_target"].notna()])
    numbers = rows_of_groups(runs, _numbers)
    if len(numbers):
        numbers = mark_ties(numbers, runs, dataset.floor, {"time_to_target": "image"})
        parts = [_paid_back(group) for _, group in numbers.groupby(WORKLOAD, sort=False)]
        numbers = pd.concat(parts, ignore_index=True)
    caption = f"Target: {dataset.image_target}. {CAPTION}"
    return Table("reconstruction", numbers, COLUMNS, caption, timing_notes(dataset.runs))


def images_to_pay_back(
    fixed: float, per_image: float, other_fixed: float, other_per_image: float
) -> float:
    """Return the least n with fixed + n·per_image <= other_fixed + n·other_per_image (seconds).

    0 if it costs less from the start, inf if never, NaN if a number is unknown.
    """
    if not all(map(math.isfinite, (fixed, per_image, other_fixed, other_per_image))):
        return math.nan
    if fixed <= other_fixed and per_image <= other_per_image:
        return 0.0
    if per_image >= other_per_image:
        return math.inf
    return float(max(0, math.ceil((fixed - other_fixed) / (other_per_image - per_image))))


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    times = time_to_target(group, "image_")
    prepare = group[["tune_seconds", "denoiser_train_seconds"]].sum(axis=1)
    return {
        "target_psnr": times.pop("target_psnr"),
        "seeds": len(group),
        "seeds_reached": int(group["image_reached"].map(math.isfinite).sum()),
        **quality(group),
        "disturbed": bool(group["disturbed"].any()),
        "iterations_to_target": float(group["image_iterations"].median()),
        **times,
        "seconds_per_image": spread(group["reconstruct_seconds_per_image"]).mean,
        "prepare_seconds": float(prepare.mean()),
        "train_seconds": float(group["train_seconds"].fillna(0.0).mean()),
        "trained": group["family"].iloc[0] in TRAINED_FAMILIES,
    }


def _paid_back(workload: pd.DataFrame) -> pd.DataFrame:
    """Add after how many images training has paid back, against the fastest without training."""
    untrained = workload[~workload["trained"] & workload["time_to_target"].map(math.isfinite)]
    if untrained.empty:
        return workload.assign(paid_back=math.nan, paid_back_against="")
    other = min(untrained.to_dict("records"), key=lambda row: float(row["time_to_target"]))
    rival = other["prepare_seconds"], other["time_to_target"]
    fixed = workload["train_seconds"] + workload["prepare_seconds"]
    rows = zip(fixed, workload["time_to_target"], strict=True)
    paid = [images_to_pay_back(cost, time, *rival) for cost, time in rows]
    paid_back = pd.Series(paid, workload.index).where(workload["trained"])
    return workload.assign(paid_back=paid_back, paid_back_against=str(other["label"]))
