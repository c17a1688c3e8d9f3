"""The reconstruction table: the time of one image to a quality, and when training pays back."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd

from reports.data.circumstances import comparable_pairs, timing_notes
from reports.data.dataset import Dataset
from reports.data.grouping import GROUP, WORKLOAD, completed, quality, rows_of_groups
from reports.data.spread import spread
from reports.data.times import TRAINED_FAMILIES, time_to_target
from reports.format import NONE, fixed, number
from reports.stats.aggregate import Array
from reports.stats.intervals import range_of
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR, TARGET, Row, Write
from reports.tables.table import Table, Timed, judged_times, mark_ties

CAPTION = (
    "Time to target: milliseconds per image of a batch with the smallest iteration budget that, as "
    "all larger ones, reaches the target on the validation images; weights and parameters are the "
    "final ones. Fewer iterations are assumed to take no longer than more. Break-even: the number "
    "of images after which the training of a method has paid back, including preparation time, "
    "compared with the fastest method that does not train and reaches the target, seed by seed: "
    "the median, and in parentheses the range over seeds, which is no interval. Never: its images "
    "take longer, or do not reach the target."
)


def _break_even(row: Row) -> str:
    if math.isnan(row["paid_back"]):
        return NONE
    median, low, high = (_images(row[f"paid_back{end}"]) for end in ("", "_low", "_high"))
    known = not math.isnan(row["paid_back_low"])
    return f"{median}{f' ({low}–{high})' if known else ''} vs {row['paid_back_against']}"


def _images(count: float) -> str:
    return fixed(count) if math.isfinite(count) else "never"


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
MEASURES = {"time_to_target": Timed("image_reached", "image")}


def reconstruction_table(dataset: Dataset) -> Table:
    """Return a row per workload and method with a reconstruction track; seconds per image."""
    runs = completed(dataset.runs[dataset.runs["image_target"].notna()])
    numbers = rows_of_groups(runs, _numbers)
    if len(numbers):
        numbers = mark_ties(numbers, runs, dataset.floor, MEASURES)
        numbers = _with_break_even(numbers, runs)
    caption = f"Target: {dataset.image_target}. {CAPTION}"
    judged = judged_times(runs, dataset.floor, MEASURES, {"time_to_target": "time to target (ms)"})
    return Table("reconstruction", numbers, COLUMNS, caption, timing_notes(dataset.runs), judged)


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


def _with_break_even(numbers: pd.DataFrame, runs: pd.DataFrame) -> pd.DataFrame:
    """Add after how many images training has paid back, against the fastest without training."""
    found = numbers.to_dict("records")
    for row, (_, group) in zip(found, runs.groupby(GROUP, sort=False), strict=True):
        row["runs"] = group
    paid = [_paid_back(row, _rival(row, found)) for row in found]
    return numbers.join(pd.DataFrame(paid))


def _rival(row: Row, found: list[Row]) -> Row | None:
    """Return the fastest method of a workload that does not train and reaches the target."""
    rivals = [
        each
        for each in found
        if all(each[name] == row[name] for name in WORKLOAD)
        and not each["trained"]
        and math.isfinite(each["time_to_target"])
    ]
    return min(rivals, key=lambda each: float(each["time_to_target"]), default=None)


def _paid_back(row: Row, rival: Row | None) -> dict[str, object]:
    found, against = range_of(math.nan, np.empty(0)), ""
    if rival and row["trained"] and math.isfinite(row["time_to_target"]):
        counts = seeds_to_pay_back(row["runs"], rival["runs"])
        median = float(np.median(counts)) if counts.size else math.nan
        found, against = range_of(median, counts), str(rival["label"])
    return {
        "paid_back": found.estimate,
        "paid_back_low": found.low,
        "paid_back_high": found.high,
        "paid_back_against": against,
    }


def seeds_to_pay_back(runs: pd.DataFrame, rival: pd.DataFrame) -> Array:
    """Return the break-even (images) of each seed, (seeds,), that both methods have.

    inf: never, as where the run does not reach the target. A seed is left out where the rival does
    not, or where the two were made on machines of different fingerprints.
    """
    both = comparable_pairs(_costs(runs), _costs(rival), "_rival")
    both = both[np.isfinite(both["time_rival"])]
    columns = ["fixed", "time", "fixed_rival", "time_rival"]
    return np.array(
        [
            images_to_pay_back(*costs) if math.isfinite(costs[1]) else math.inf
            for costs in both[columns].itertuples(index=False, name=None)
        ]
    )


def _costs(runs: pd.DataFrame) -> pd.DataFrame:
    """The seconds before the first image, and of each image, of every seed."""
    once = ["train_seconds", "tune_seconds", "denoiser_train_seconds"]
    fixed_seconds = runs[once].sum(axis=1)
    kept = runs[["seed", "fingerprint"]]
    return kept.assign(fixed=fixed_seconds, time=runs["image_reached"])
