"""The summary: a row per problem, size, layer and method, with its spread over seeds."""

from __future__ import annotations

import math

import pandas as pd

from bench.records import COMPLETED, Results
from reports.data.grouping import labelled_runs, rows_of_groups, statuses
from reports.data.spread import CONVERGED_ENOUGH, spread
from reports.data.times import Interval, median_interval

MEBIBYTE = 2**20


def summary(results: Results, target: str) -> pd.DataFrame:
    """Return the summary as numbers; means are over completed runs, failures are counted.

    `time_to_target` is the upper end of the median interval (inf: censored; NaN: not trained),
    `time_to_target_above` its lower end.
    """
    return rows_of_groups(labelled_runs(results, target), _numbers)


def _numbers(group: pd.DataFrame) -> dict[str, object]:
    done = group[group["status"] == COMPLETED]
    psnr, ssim = spread(done["psnr"]), spread(done["ssim"])
    gain, train = spread(done["psnr"] - done["psnr_observed"]), spread(done["train_seconds"])
    return {
        "runs": len(group),
        "seeds": len(done),
        "psnr_mean": psnr.mean,
        "psnr_std": psnr.std,
        "gain_mean": gain.mean,
        "gain_std": gain.std,
        "ssim_mean": ssim.mean,
        "ssim_std": ssim.std,
        "train_seconds_mean": train.mean,
        "train_seconds_std": train.std,
        **_time_to_target(group),
        "preparation_seconds": _preparation(done),
        "peak_memory_mib": spread(done["peak_memory_bytes"] / MEBIBYTE).mean,
        "peak_memory_source": ", ".join(sorted(set(done["peak_memory_source"]) - {""})),
        "milliseconds_per_image": 1000 * spread(done["reconstruct_seconds_per_image"]).mean,
        **_convergence(done),
        "status": statuses(group),
    }


def _time_to_target(group: pd.DataFrame) -> dict[str, object]:
    trained = group[group["below"].notna()]
    pairs = zip(trained["below"], trained["reached"], strict=True)
    intervals = [Interval(below, reached) for below, reached in pairs]
    median = median_interval(intervals)
    return {
        "target_psnr": spread(group["target"]).mean,
        "time_to_target": median.reached,
        "time_to_target_above": median.below,
        "seeds_trained": len(intervals),
        "seeds_reached": sum(not each.censored for each in intervals),
    }


def _preparation(done: pd.DataFrame) -> float:
    """Tuning and denoiser training: paid once before the first image, and by no other method."""
    parts = [spread(done[name]) for name in ("tune_seconds", "denoiser_train_seconds")]
    known = [part.mean for part in parts if part.n]
    return sum(known) if known else math.nan


def _convergence(done: pd.DataFrame) -> dict[str, object]:
    fraction = float(done["forward_converged_fraction"].min())
    return {
        "forward_converged_fraction": fraction,
        "unconverged": fraction < CONVERGED_ENOUGH,
    }
