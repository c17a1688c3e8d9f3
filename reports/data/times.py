"""Times to a target, read from stored curves, as brackets; censored where never reached."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from reports.data.spread import spread
from reports.stats.aggregate import Array

Places = NDArray[np.intp]
TRAINED_FAMILIES = ("gradient", "feedforward")


@dataclass(frozen=True)
class TimeBracket:
    """A time to a target in seconds: after `below`, at the latest at `reached` (inf: censored)."""

    below: float
    reached: float

    @property
    def censored(self) -> bool:
        """Whether the target was never reached within the budget, which `below` then is."""
        return math.isinf(self.reached)

    @property
    def relative_width(self) -> float:
        """The fraction of `reached` between the two evaluations; 0 if reached from the start."""
        return (self.reached - self.below) / self.reached if self.reached else 0.0


def brackets(runs: pd.DataFrame, prefix: str = "") -> list[TimeBracket]:
    """Return the bracket of each run, of training or (prefix `image_`) of reconstruction."""
    pairs = zip(runs[f"{prefix}below"], runs[f"{prefix}reached"], strict=True)
    return [TimeBracket(below, reached) for below, reached in pairs]


def median_bracket(given: Iterable[TimeBracket]) -> TimeBracket:
    """Return the median over seeds; where it is censored, `below` is its greatest lower bound.

    Of a censored time only its budget is known, which it exceeds, so that the median of (3, more
    than 12) is more than 7.5: the median of what each seed is known to exceed or equal.
    """
    each = list(given)
    if not each:
        return TimeBracket(math.nan, math.nan)
    reached = float(np.median([at.reached for at in each]))
    exceeded = math.isinf(reached)
    bounds = [at.reached if exceeded and not at.censored else at.below for at in each]
    return TimeBracket(float(np.median(bounds)), reached)


def time_to_target(runs: pd.DataFrame, prefix: str = "") -> dict[str, float]:
    """Return the target (dB, mean) and the median bracket of runs, as the columns of a table.

    `time_to_target` is its upper end (inf: censored; NaN: no runs), `…_above` its lower end.
    """
    median = median_bracket(brackets(runs, prefix))
    return {
        "target_psnr": spread(runs[f"{prefix}target"]).mean,
        "time_to_target": median.reached,
        "time_to_target_above": median.below,
    }


def training_times(runs: pd.DataFrame, curves: pd.DataFrame, level: Array) -> pd.DataFrame:
    """Return a row per run that trains: run_id, target (dB), below, reached (inf: censored).

    level: the target of each run (dB). Also evaluations_to_target and vjps_to_target, the counts
    at that first point (inf likewise). A failed run counts as far as its curve goes: reached
    before it failed, or censored there, so that the seeds that survived do not speak for those
    that did not.
    """
    counts = {"evaluations_to_target": "forward_evaluations", "vjps_to_target": "vjps"}
    found, measured = _times(runs, curves, level, "train_seconds", counts)
    trains = measured | runs["family"].isin(TRAINED_FAMILIES)
    return _kept(found, trains & (runs["status"] != "skipped"))


def reconstruction_times(runs: pd.DataFrame, tracks: pd.DataFrame, level: Array) -> pd.DataFrame:
    """Return a row per run with a reconstruction track: run_id and image_target (dB), …_below, ….

    Seconds per image, as the bracket (last budget below, first at or above]; image_reached is inf
    for a run whose last budget, all its iterations, is below; image_iterations are those there.
    """
    tracks, counts = undisturbed(tracks), {"iterations": "iterations"}
    kept = _kept(*_times(runs, tracks, level, "seconds_per_image", counts))
    return kept.rename(columns={name: f"image_{name}" for name in kept.columns[1:]})


def followed(runs: pd.DataFrame, horizon: float) -> Array:
    """Return how long each run is known not to have reached the target, (runs,), in seconds.

    A training that ended, completed or failed, does not go on: it is not there at any later time,
    up to the horizon. Kaplan-Meier takes those censored to be like those still followed, and so
    would make a run that fails early count for nothing. Only a run that its time limit cut off
    might have got there: it is censored at its last evaluation.
    """
    cut_off = (runs["status"] == "timeout").to_numpy()
    known = np.where(cut_off, runs["below"].to_numpy(dtype=np.float64), horizon)
    return np.minimum(known, horizon)


def undisturbed(tracks: pd.DataFrame) -> pd.DataFrame:
    """Return reconstruction tracks in order of iterations, their times free of what delayed them.

    Fewer iterations cannot take longer: where they did, the machine was disturbed, and the time
    is that of more iterations.
    """
    ordered = tracks.sort_values("iterations", kind="stable")
    backwards = ordered[::-1].groupby("run_id", sort=False)["seconds_per_image"].cummin()
    return ordered.assign(seconds_per_image=backwards[::-1])


def _times(
    runs: pd.DataFrame, points: pd.DataFrame, level: Array, time: str, counts: Mapping[str, str]
) -> tuple[pd.DataFrame, NDArray[np.bool_]]:
    """Return the bracket of each run and the counts at its end, and which runs have points."""
    places = pd.Index(runs["run_id"]).get_indexer(pd.Index(points["run_id"]))
    order = np.argsort(places, kind="stable")
    run = places[order]

    def column(name: str) -> Array:
        return points[name].to_numpy(dtype=np.float64)[order]

    first, below, reached = _first_reached(column(time), column("psnr"), run, level)
    found = {"run_id": runs["run_id"], "target": level, "below": below, "reached": reached}
    for name, counted in counts.items():
        found[name] = np.where(first >= 0, np.append(column(counted), math.inf)[first], math.inf)
    return pd.DataFrame(found), np.isin(np.arange(len(runs)), run)


def _kept(found: pd.DataFrame, wanted: pd.Series[bool] | NDArray[np.bool_]) -> pd.DataFrame:
    kept: pd.DataFrame = found[wanted & np.isfinite(found["target"])]
    return kept.reset_index(drop=True)


def _first_reached(
    seconds: Array, psnr: Array, run: Places, level: Array
) -> tuple[Places, Array, Array]:
    """Return for each run the first point at or above its level, (last time below, that time].

    seconds, psnr and run: (points,), those of a run together and in order of time; level: (runs,).
    A run that never gets there has the point -1 and (its last time, inf], or 0 without a point.
    """
    starts = np.searchsorted(run, np.arange(len(level)))
    ends = np.searchsorted(run, np.arange(len(level)), side="right")
    there = np.append(np.flatnonzero(psnr >= level[run]), len(run))
    first = there[np.searchsorted(there[:-1], starts)]
    arrives = first < ends
    padded = np.append(seconds, 0.0)
    last_below = np.where(arrives, first - 1, ends - 1)
    below = np.where(last_below >= starts, padded[last_below], 0.0)
    return np.where(arrives, first, -1), below, np.where(arrives, padded[first], math.inf)
