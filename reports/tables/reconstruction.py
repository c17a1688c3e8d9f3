"""The reconstruction track: the time of one image to a quality, and when training has paid."""

from __future__ import annotations

import math

import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.grouping import PLACE, rows_of_groups, text_table
from reports.data.labels import NONE, with_labels
from reports.data.noise import MARK, like_the_best, noise_floor
from reports.data.spread import CONVERGED_ENOUGH, spread
from reports.format import Row, flagged_psnr, number
from reports.data.times import TRAINED_FAMILIES, Interval, median_interval, reconstruction_times

SAID = (
    "Milliseconds that one image of a batch takes until the target, when the method may make so "
    "many iterations and no more; weights and parameters are the final ones. A trained method has "
    "paid back after that many images, against the method that does not train and is the fastest "
    "to the target, what both prepare counted; never: its image takes longer. Fewer iterations "
    "are taken to need no more time than more. The noise floor is that of training, longer and "
    "less noisy than one reconstruction."
)


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


def reconstruction_table(results: Results, target: str) -> pd.DataFrame:
    """Return a row per problem, size and method with a reconstruction track; seconds per image."""
    times = reconstruction_times(results, target)
    runs = with_labels(results.runs).merge(times, on="run_id")
    runs = runs[runs["status"] == COMPLETED]
    if runs.empty:
        return pd.DataFrame()
    table = rows_of_groups(runs, _numbers)
    floor = noise_floor(results.experiment)
    parts = [_compared(group, floor) for _, group in table.groupby(PLACE, sort=False)]
    return pd.concat(parts, ignore_index=True)


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    pairs = zip(group["image_below"], group["image_reached"], strict=True)
    median = median_interval([Interval(below, reached) for below, reached in pairs])
    psnr = spread(group["psnr"])
    prepare = group[["tune_seconds", "denoiser_train_seconds"]].sum(axis=1)
    return {
        "target_psnr": spread(group["image_target"]).mean,
        "seeds": len(group),
        "seeds_reached": int(group["image_reached"].map(math.isfinite).sum()),
        "psnr_mean": psnr.mean,
        "psnr_std": psnr.std,
        "unconverged": bool(group["forward_converged_fraction"].min() < CONVERGED_ENOUGH),
        "iterations_to_target": float(group["image_iterations"].median()),
        "time_to_target": median.reached,
        "time_to_target_above": median.below,
        "seconds_per_image": spread(group["reconstruct_seconds_per_image"]).mean,
        "prepare_seconds": float(prepare.mean()),
        "train_seconds": float(group["train_seconds"].fillna(0.0).mean()),
        "trained": group["family"].iloc[0] in TRAINED_FAMILIES,
    }


def _compared(place: pd.DataFrame, floor: float) -> pd.DataFrame:
    """Add what depends on the other methods of a place: payback, and times alike within noise."""
    marks = like_the_best(list(place["time_to_target"]), list(place["seeds"]), floor)
    untrained = place[~place["trained"] & place["time_to_target"].map(math.isfinite)]
    if untrained.empty:
        return place.assign(like_best=marks, paid_back=math.nan, paid_back_against="")
    other = min(untrained.to_dict("records"), key=lambda row: float(row["time_to_target"]))
    paid = [
        images_to_pay_back(
            row["train_seconds"] + row["prepare_seconds"],
            row["time_to_target"],
            other["prepare_seconds"],
            other["time_to_target"],
        )
        if row["trained"]
        else math.nan
        for row in place.to_dict("records")
    ]
    return place.assign(like_best=marks, paid_back=paid, paid_back_against=str(other["label"]))


def reconstruction_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the reconstruction track as text, a column per heading."""
    return text_table(
        table,
        {
            "PSNR (dB)": flagged_psnr,
            "target (dB)": lambda row: f"{row['target_psnr']:.2f}",
            "ms to target": _to_target,
            "iterations to target": lambda row: _whole(row["iterations_to_target"]),
            "ms at full length": lambda row: number(1000 * row["seconds_per_image"]),
            "prepare (s)": lambda row: number(row["prepare_seconds"] or math.nan),
            "train (s)": lambda row: number(row["train_seconds"] or math.nan),
            "paid back after (images)": _paid_back,
        },
    )


def _to_target(row: Row) -> str:
    if math.isinf(row["time_to_target"]):
        above = number(1000 * row["time_to_target_above"])
        return f"> {above} ({row['seeds_reached']}/{row['seeds']})"
    return (f"{MARK} " if row["like_best"] else "") + number(1000 * row["time_to_target"])


def _whole(value: float) -> str:
    return f"{value:g}" if math.isfinite(value) else NONE


def _paid_back(row: Row) -> str:
    if math.isinf(row["paid_back"]):
        return "never"
    if math.isnan(row["paid_back"]):
        return NONE
    return f"{row['paid_back']:.0f} (than {row['paid_back_against']})"
