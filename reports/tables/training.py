"""The training track: what it takes to train a method to a quality; methods that train only."""

from __future__ import annotations

import math

import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.grouping import PLACE, labelled_runs, rows_of_groups, statuses, text_table
from reports.data.labels import NONE
from reports.data.noise import MARK, like_the_best, noise_floor
from reports.data.spread import CONVERGED_ENOUGH, spread
from reports.stats.survival import restricted_mean
from reports.format import Row, flagged_psnr, number, percentage
from reports.data.times import Interval, followed, median_interval

SAID = (
    "Seconds of training until the test images reach the target, the median over seeds; > and the "
    "lower bound where the median seed did not get there, with how many did. It is known to the "
    "part of it that lies between two evaluations, of the worst seed. The restricted mean is the "
    "area under the Kaplan-Meier curve up to the longest training of the problem and size: a run "
    "that ended without getting there counts with that, one cut off by its time limit is censored."
)


def training_table(results: Results, target: str) -> pd.DataFrame:
    """Return a row per problem, size and trained method; times in seconds, inf: not reached."""
    runs = labelled_runs(results, target)
    runs = runs[runs["below"].notna()]
    if runs.empty:
        return pd.DataFrame()
    horizon = runs.groupby(PLACE)[["train_seconds", "below"]].transform("max").max(axis=1)
    table = rows_of_groups(runs.assign(horizon=horizon), _numbers)
    floor = noise_floor(results.experiment)
    return _marked(_marked(table, "time_to_target", floor), "train_seconds", floor)


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    done = group[group["status"] == COMPLETED]
    pairs = zip(group["below"], group["reached"], strict=True)
    intervals = [Interval(below, reached) for below, reached in pairs]
    median = median_interval(intervals)
    psnr = spread(done["psnr"])
    reached, horizon = group["reached"].to_numpy(), float(group["horizon"].max())
    return {
        "target_psnr": spread(group["target"]).mean,
        "seeds": len(group),
        "seeds_reached": int(group["reached"].map(math.isfinite).sum()),
        "psnr_mean": psnr.mean,
        "psnr_std": psnr.std,
        "unconverged": bool(done["forward_converged_fraction"].min() < CONVERGED_ENOUGH),
        "train_seconds": spread(done["train_seconds"]).mean,
        "time_to_target": median.reached,
        "time_to_target_above": median.below,
        "time_known_to": max(
            (each.relative_width for each in intervals if not each.censored), default=math.nan
        ),
        "restricted_mean": restricted_mean(reached, followed(group, horizon), horizon),
        "horizon": horizon,
        "evaluations_to_target": float(group["evaluations_to_target"].median()),
        "vjps_to_target": float(group["vjps_to_target"].median()),
        "setup_seconds": spread(done["setup_seconds"]).mean,
        "warm_up_seconds": spread(done["warm_up_seconds"]).mean,
        "compile_seconds": spread(done["compile_seconds"]).mean,
        "adjoint_converged_fraction": float(done["adjoint_converged_fraction"].min()),
        "status": statuses(group),
    }


def _marked(table: pd.DataFrame, column: str, floor: float) -> pd.DataFrame:
    """Add `<column>_like_best`: which times the noise floor cannot tell from the best."""
    marked: dict[int, bool] = {}
    for _, group in table.groupby(PLACE):
        marks = like_the_best(list(group[column]), list(group["seeds"]), floor)
        marked |= dict(zip(group.index, marks, strict=True))
    return table.assign(**{f"{column}_like_best": [marked[at] for at in table.index]})


def training_cells(table: pd.DataFrame) -> pd.DataFrame:
    """Return the training track as text, a column per heading."""
    return text_table(
        table,
        {
            "PSNR (dB)": flagged_psnr,
            "target (dB)": lambda row: f"{row['target_psnr']:.2f}",
            "train (s)": lambda row: _mark(row, "train_seconds") + number(row["train_seconds"]),
            "to target (s)": _to_target,
            "known to": lambda row: percentage(row["time_known_to"], 1),
            "restricted mean (s)": lambda row: number(row["restricted_mean"]),
            "evaluations to target": lambda row: _count(row["evaluations_to_target"]),
            "VJPs to target": lambda row: _count(row["vjps_to_target"]),
            "set-up (s)": lambda row: number(row["setup_seconds"]),
            "warm-up (s)": lambda row: number(row["warm_up_seconds"]),
            "of it compiling (s)": lambda row: number(row["compile_seconds"]),
            "adjoint converged": lambda row: percentage(row["adjoint_converged_fraction"]),
            "status": lambda row: str(row["status"]),
        },
    )


def _mark(row: Row, column: str) -> str:
    return f"{MARK} " if row[f"{column}_like_best"] else ""


def _to_target(row: Row) -> str:
    reached, seeds = row["time_to_target"], f"({row['seeds_reached']}/{row['seeds']})"
    if math.isinf(reached):
        return f"> {number(row['time_to_target_above'])} {seeds}"
    return _mark(row, "time_to_target") + number(reached)


def _count(value: float) -> str:
    return f"{value:.0f}" if math.isfinite(value) else NONE
