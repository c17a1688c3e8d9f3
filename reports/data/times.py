"""Times to a target, read from stored curves, as brackets; censored where it is not kept.

A curve goes up and down: the time to the target is that from which it is kept, at every later point
up to the last. The first crossing is earlier, and says less: later points may be below again.
"""

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
    """Return a row per run that trains: run_id, target (dB), below, reached, first_reached (s).

    level: the target of each run (dB). The target is kept from `reached` on (inf: censored, its
    last point is below); the curve is first at or above it at `first_reached` (inf: never). Also
    evaluations_to_target and vjps_to_target, the counts at `reached` (inf likewise). A failed run
    counts as far as its curve goes: kept when it failed, or censored there, so that the seeds that
    survived do not speak for those that did not.
    """
    counts = {"evaluations_to_target": "forward_evaluations", "vjps_to_target": "vjps"}
    found, measured = _times(runs, curves, level, "train_seconds", counts)
    trains = measured | runs["family"].isin(TRAINED_FAMILIES)
    return _chosen(found, trains & (runs["status"] != "skipped"))


def reconstruction_times(runs: pd.DataFrame, tracks: pd.DataFrame, level: Array) -> pd.DataFrame:
    """Return a row per run with a reconstruction track: run_id and image_target (dB), …_below, ….

    Seconds per image, as the bracket (last budget below, next budget], which and all larger ones
    are at or above; image_reached is inf for a run whose last budget, all its iterations, is below;
    image_iterations are those there.
    """
    tracks, counts = undisturbed(tracks), {"iterations": "iterations"}
    found = _chosen(*_times(runs, tracks, level, "seconds_per_image", counts))
    return found.rename(columns={name: f"image_{name}" for name in found.columns[1:]})


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

    there = column("psnr") >= level[run]
    starts, ends = _spans(run, len(level))
    point = _kept_from(there, starts, ends)
    seconds = np.append(column(time), math.inf)
    found = {
        "run_id": runs["run_id"],
        "target": level,
        "below": _time_before(column(time), point, starts, ends),
        "reached": seconds[point],
        "first_reached": seconds[_first(there, starts, ends)],
    }
    for name, counted in counts.items():
        found[name] = np.append(column(counted), math.inf)[point]
    return pd.DataFrame(found), np.isin(np.arange(len(runs)), run)


def _chosen(found: pd.DataFrame, wanted: pd.Series[bool] | NDArray[np.bool_]) -> pd.DataFrame:
    chosen: pd.DataFrame = found[wanted & np.isfinite(found["target"])]
    return chosen.reset_index(drop=True)


def _spans(run: Places, runs: int) -> tuple[Places, Places]:
    """Return where the points of each run begin and end; run: (points,), in order."""
    every = np.arange(runs)
    return np.searchsorted(run, every), np.searchsorted(run, every, side="right")


def _first(there: NDArray[np.bool_], starts: Places, ends: Places) -> Places:
    """Return the first point of each run that is `there`, -1 if none is."""
    places = np.append(np.flatnonzero(there), len(there))
    first = places[np.searchsorted(places[:-1], starts)]
    return np.where(first < ends, first, -1)


def _kept_from(there: NDArray[np.bool_], starts: Places, ends: Places) -> Places:
    """Return the point of each run from which on all of its points are `there`, -1 if none is."""
    places = np.append(-1, np.flatnonzero(~there))
    last = places[np.searchsorted(places, ends) - 1]  # the last one that is not there
    kept = np.maximum(last + 1, starts)
    return np.where(kept < ends, kept, -1)


def _time_before(seconds: Array, point: Places, starts: Places, ends: Places) -> Array:
    """Return the time of the point before `point`, or of the last if that is -1; 0 without one."""
    before = np.where(point >= 0, point, ends) - 1
    return np.where(before >= starts, np.append(seconds, 0.0)[before], 0.0)
