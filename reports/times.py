"""Times to a target, read from stored curves, as intervals; censored where never reached."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.records import Results
from reports.targets import resolve_target

TRAINED_FAMILIES = ("gradient", "feedforward")


@dataclass(frozen=True)
class Interval:
    """Time to accuracy in seconds: after `below`, at the latest at `reached` (inf: censored)."""

    below: float
    reached: float

    @property
    def censored(self) -> bool:
        """Whether the target was never reached within the budget, which `below` then is."""
        return math.isinf(self.reached)

    @property
    def relative_width(self) -> float:
        """The part of `reached` that lies between two evaluations; 0 if reached from the start."""
        return (self.reached - self.below) / self.reached if self.reached else 0.0


def time_to_accuracy(curve: pd.DataFrame, target: float) -> Interval:
    """Return (last point below, first point at or above] of a curve, for a PSNR target in dB.

    `curve` has `train_seconds` and `psnr`, in order of time. Never reached: (last time, inf].
    """
    seconds = curve["train_seconds"].to_numpy(dtype=np.float64)
    at_or_above = np.flatnonzero(curve["psnr"].to_numpy(dtype=np.float64) >= target)
    if at_or_above.size == 0:
        return Interval(float(seconds[-1]) if seconds.size else 0.0, math.inf)
    first = int(at_or_above[0])
    return Interval(float(seconds[first - 1]) if first else 0.0, float(seconds[first]))


def median_interval(intervals: Iterable[Interval]) -> Interval:
    """Return the median over seeds; where it is censored, `below` is its greatest lower bound.

    A censored time is only known to exceed its budget, so the median of (3, more than 12) is
    more than 7.5: the median of what each seed is known to exceed or equal.
    """
    given = list(intervals)
    if not given:
        return Interval(math.nan, math.nan)
    reached = float(np.median([each.reached for each in given]))
    if math.isinf(reached):
        known = [each.below if each.censored else each.reached for each in given]
        return Interval(float(np.median(known)), math.inf)
    return Interval(float(np.median([each.below for each in given])), reached)


def times_to_target(results: Results, target: str) -> pd.DataFrame:
    """Return a row per run that trains: run_id, target (dB), below, reached (inf: censored).

    Also evaluations_to_target and vjps_to_target, the counts at that first point (inf likewise).
    A failed run counts as far as its curve goes: reached before it failed, or censored there,
    so that the seeds that survived do not speak for those that did not.
    """
    targets = resolve_target(results.runs, target)
    curves = dict(tuple(results.curves.groupby("run_id")))
    empty = results.curves.iloc[:0]
    rows = []
    for run in results.runs.to_dict("records"):
        curve, level = curves.get(run["run_id"], empty), float(targets[run["run_id"]])
        trains = len(curve) or run["family"] in TRAINED_FAMILIES
        if trains and run["status"] != "skipped" and math.isfinite(level):
            found = time_to_accuracy(curve, level)
            counts = (_count_at(curve, found, name) for name in ("forward_evaluations", "vjps"))
            rows.append((run["run_id"], level, found.below, found.reached, *counts))
    counted = ["evaluations_to_target", "vjps_to_target"]
    return pd.DataFrame(rows, columns=["run_id", "target", "below", "reached", *counted])


def _count_at(curve: pd.DataFrame, found: Interval, name: str) -> float:
    """The count of a curve at the first point that reached the target."""
    if found.censored:
        return math.inf
    return float(curve.loc[curve["train_seconds"] >= found.reached, name].iloc[0])


def followed(runs: pd.DataFrame, horizon: float) -> NDArray[np.float64]:
    """Return how long each run is known not to have reached the target, (runs,), in seconds.

    A training that ended, completed or failed, does not go on: it is not there at any later time,
    up to the horizon. Kaplan-Meier takes those censored to be like those still followed, and so
    would make a run that fails early count for nothing. Only a run that its time limit cut off
    might have got there: it is censored at its last evaluation.
    """
    cut_off = (runs["status"] == "timeout").to_numpy()
    known = np.where(cut_off, runs["below"].to_numpy(dtype=np.float64), horizon)
    return np.minimum(known, horizon)


def undisturbed(track: pd.DataFrame) -> pd.DataFrame:
    """Return a reconstruction track in order of iterations, its times free of what delayed them.

    Fewer iterations cannot take longer: where they did, the machine was disturbed, and the time
    is that of more iterations.
    """
    ordered = track.sort_values("iterations")
    seconds = ordered["seconds_per_image"].to_numpy(dtype=np.float64)
    return ordered.assign(seconds_per_image=np.fmin.accumulate(seconds[::-1])[::-1])


def reconstruction_times(results: Results, target: str) -> pd.DataFrame:
    """Return a row per run with a reconstruction track: target (dB), below, reached, iterations.

    Seconds per image, as the interval (last budget below, first at or above]; reached is inf for
    a run whose last budget, all its iterations, is below; iterations are those at `reached`.
    """
    targets = resolve_target(results.runs, target)
    rows = []
    for run_id, track in results.reconstructions.groupby("run_id", sort=False):
        ordered = undisturbed(track).rename(columns={"seconds_per_image": "train_seconds"})
        level = float(targets[run_id])
        if not math.isfinite(level):
            continue
        found = time_to_accuracy(ordered, level)
        there = ordered["psnr"] >= level
        first = float(ordered.loc[there, "iterations"].iloc[0]) if there.any() else math.inf
        rows.append((run_id, level, found.below, found.reached, first))
    columns = ["run_id", "image_target", "image_below", "image_reached", "image_iterations"]
    return pd.DataFrame(rows, columns=columns)
