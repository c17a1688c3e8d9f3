"""Times to a target, read from stored curves, as intervals; censored where never reached."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from bench.records import Results
from reports.stats.aggregate import Array
from reports.data.targets import resolve_target

Places = NDArray[np.intp]
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
    seconds, psnr = (curve[name].to_numpy(dtype=np.float64) for name in ("train_seconds", "psnr"))
    _, below, reached = _first_reached(seconds, psnr, np.zeros(len(curve), int), np.array([target]))
    return Interval(float(below[0]), float(reached[0]))


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
    runs, curves = results.runs, results.curves
    run, order = _runs_of(curves["run_id"], runs)
    level = np.asarray(resolve_target(runs, target), dtype=np.float64)
    seconds, psnr, evaluations, vjps = (
        curves[name].to_numpy()[order]
        for name in ("train_seconds", "psnr", "forward_evaluations", "vjps")
    )
    first, below, reached = _first_reached(seconds, psnr, run, level)
    trains = np.isin(np.arange(len(runs)), run) | runs["family"].isin(TRAINED_FAMILIES)
    found = pd.DataFrame(
        {
            "run_id": runs["run_id"],
            "target": level,
            "below": below,
            "reached": reached,
            "evaluations_to_target": _at(evaluations, first),
            "vjps_to_target": _at(vjps, first),
        }
    )
    kept: pd.DataFrame = found[trains & (runs["status"] != "skipped") & np.isfinite(level)]
    return kept.reset_index(drop=True)


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


def undisturbed(tracks: pd.DataFrame) -> pd.DataFrame:
    """Return reconstruction tracks in order of iterations, their times free of what delayed them.

    Fewer iterations cannot take longer: where they did, the machine was disturbed, and the time
    is that of more iterations.
    """
    ordered = tracks.sort_values("iterations", kind="stable")
    backwards = ordered[::-1].groupby("run_id", sort=False)["seconds_per_image"].cummin()
    return ordered.assign(seconds_per_image=backwards[::-1])


def reconstruction_times(results: Results, target: str) -> pd.DataFrame:
    """Return a row per run with a reconstruction track: target (dB), below, reached, iterations.

    Seconds per image, as the interval (last budget below, first at or above]; reached is inf for
    a run whose last budget, all its iterations, is below; iterations are those at `reached`.
    """
    runs = results.runs
    tracks = undisturbed(results.reconstructions)
    run, order = _runs_of(tracks["run_id"], runs)
    level = np.asarray(resolve_target(runs, target), dtype=np.float64)
    seconds, psnr, iterations = (
        tracks[name].to_numpy(dtype=np.float64)[order]
        for name in ("seconds_per_image", "psnr", "iterations")
    )
    first, below, reached = _first_reached(seconds, psnr, run, level)
    found = pd.DataFrame(
        {
            "run_id": runs["run_id"],
            "image_target": level,
            "image_below": below,
            "image_reached": reached,
            "image_iterations": _at(iterations, first),
        }
    )
    kept: pd.DataFrame = found[np.isin(np.arange(len(runs)), run) & np.isfinite(level)]
    return kept.reset_index(drop=True)


def _runs_of(run_ids: pd.Series[str], runs: pd.DataFrame) -> tuple[Places, Places]:
    """Return the place in `runs` of each row, in order, and the order that brings them so."""
    places = pd.Index(runs["run_id"]).get_indexer(pd.Index(run_ids))
    order = np.argsort(places, kind="stable")
    return places[order], order


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


def _at(counts: Array, first: Places) -> Array:
    """Return the count at each first point, inf where there is none."""
    return np.where(first >= 0, np.append(counts, math.inf)[first], math.inf)
