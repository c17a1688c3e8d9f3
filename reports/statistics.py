"""Statistics of runs: pure functions on arrays and tables, separate from drawing."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from bench.errors import UserError
from bench.records import COMPLETED, Results

DEFAULT_TARGET = "auto"
CONVERGED_ENOUGH = 0.95
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


@dataclass(frozen=True)
class Spread:
    """Mean and sample standard deviation (n - 1) of the finite values among seeds."""

    mean: float
    std: float
    n: int


def spread(values: Iterable[float]) -> Spread:
    """Return mean, standard deviation (NaN for a single value) and count of finite values."""
    finite = np.asarray([value for value in values if math.isfinite(value)], dtype=np.float64)
    mean = float(finite.mean()) if finite.size else math.nan
    std = float(finite.std(ddof=1)) if finite.size > 1 else math.nan
    return Spread(mean, std, int(finite.size))


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


def resolve_target(runs: pd.DataFrame, target: str) -> pd.Series[float]:
    """Return each run's PSNR target in dB, indexed by run_id.

    `target` is `psnr=30`, `gain=5` (dB over the run's observed image), `tv+0.5` (dB above the
    mean of the tv runs of that problem and size), `best-0.5` (dB below the best method's mean
    there) or `auto`, which see in `named_target`. Raises UserError for anything else.
    """
    kind, number = _parse_target(named_target(runs, target))
    if kind == "psnr=":
        level = pd.Series(number, index=runs.index, dtype="float64")
    elif kind == "gain=":
        level = _observed(runs) + number
    elif kind == "tv+":
        level = _tv_level(runs) + number
    else:
        level = _best_level(runs) - number
    return level.set_axis(runs["run_id"])


def _parse_target(target: str) -> tuple[str, float]:
    match = re.fullmatch(r"(psnr=|gain=|tv\+|best-)(-?\d+(?:\.\d+)?)", target.strip())
    if match is None:
        raise UserError(f"target {target!r}: not psnr=30, gain=5, tv+0.5, best-0.5 or auto")
    return match[1], float(match[2])


def _observed(runs: pd.DataFrame) -> pd.Series[float]:
    """A run that failed before it measured its observed image takes the mean of its problem."""
    mean = runs.groupby(["problem", "size"])["psnr_observed"].transform("mean")
    return runs["psnr_observed"].fillna(mean)


def named_target(runs: pd.DataFrame, target: str) -> str:
    """Return what `auto` stands for: tv+0 where every problem and size has a tv run, or best-0.5.

    To be as good as tuned total variation is the least that a trained method is trained for.
    """
    if target.strip() != "auto":
        return target
    places = runs.groupby(["problem", "size"]).ngroups
    tv = runs[(runs["method"] == "tv") & (runs["status"] == COMPLETED)]
    return "tv+0" if tv.groupby(["problem", "size"]).ngroups == places else "best-0.5"


def _best_level(runs: pd.DataFrame) -> pd.Series[float]:
    """The best mean PSNR among the methods of each run's problem and size; NaN if none."""
    place, kind = ["problem", "size"], ["layer", "method", "method_params"]
    means = runs.groupby([*place, *kind])["psnr"].mean()
    best = means.groupby(place).max()
    keys = zip(runs["problem"], runs["size"], strict=True)
    return pd.Series([float(best[key]) for key in keys], index=runs.index, dtype="float64")


def _tv_level(runs: pd.DataFrame) -> pd.Series[float]:
    tv = runs[(runs["method"] == "tv") & (runs["status"] == COMPLETED)]
    means = tv.groupby(["problem", "size"])["psnr"].mean()
    keys = list(zip(runs["problem"], runs["size"], strict=True))
    missing = sorted({key for key in keys if key not in means.index})
    if missing:
        problem, size = missing[0]
        raise UserError(f"target tv+…: no completed tv run of {problem} at size {size}")
    return pd.Series([float(means[key]) for key in keys], index=runs.index, dtype="float64")


def times_to_target(results: Results, target: str) -> pd.DataFrame:
    """Return a row per run that trains: run_id, target (dB), below, reached (inf: censored).

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
            rows.append((run["run_id"], level, found.below, found.reached))
    return pd.DataFrame(rows, columns=["run_id", "target", "below", "reached"])


def mean_curve(curves: pd.DataFrame) -> pd.DataFrame:
    """Return mean time, mean PSNR and its std over seeds, at each step that all seeds have.

    `curves` holds one method's runs. Columns: step, train_seconds, psnr, std (NaN: one seed).
    """
    seeds = curves["run_id"].nunique()
    finite = curves[np.isfinite(curves["psnr"])]
    steps = finite.groupby("step")
    table = pd.DataFrame(
        {
            "train_seconds": steps["train_seconds"].mean(),
            "psnr": steps["psnr"].mean(),
            "std": steps["psnr"].std(ddof=1),
        }
    )
    complete: pd.DataFrame = table[steps["run_id"].nunique() == seeds]
    return complete.reset_index()
