"""Targets: the accuracy whose time is reported, as words and as a PSNR for each run.

They are read on the validation images, as the curves are. Nothing here sees the test images, but
for records that have no others (`without_validation`).
"""

from __future__ import annotations

import re

import pandas as pd

from bench.errors import UserError
from bench.records import COMPLETED
from reports.data.grouping import WORKLOAD, completed
from reports.format import printable

DEFAULT_TARGET = "auto"
FORMS = "psnr=30, gain=5, tv+0.5, tv-0.1, best-0.5, fraction=0.95 or auto"
NEAR_TV = "tv-0.1"  # TV reaches its own level only at its last iteration


def named_target(runs: pd.DataFrame, target: str) -> str:
    """Return what `auto` stands for: tv+0 where every workload has a tv run, else best-0.5.

    To be as good as tuned total variation is the least that a trained method is trained for.
    """
    if target.strip() != "auto":
        return target
    workloads = runs.groupby(WORKLOAD).ngroups
    return "tv+0" if _of_tv(runs).groupby(WORKLOAD).ngroups == workloads else "best-0.5"


def reconstruction_target(target: str) -> str:
    """Return the target of the reconstruction track: TV's own level less 0.1 dB, or the same."""
    return NEAR_TV if target.strip() == "tv+0" else target


def without_validation(runs: pd.DataFrame) -> pd.Series[bool]:
    """Return which completed runs have no validation PSNR: the test images stand in for it."""
    return runs["validation_psnr"].isna() & (runs["status"] == COMPLETED)


def resolve_target(runs: pd.DataFrame, target: str) -> pd.Series[float]:
    """Return each run's PSNR target in dB, indexed by run_id.

    `target` is `psnr=30`; `gain=5`, dB over the run's observed image; `tv+0.5` or `tv-0.1`, dB from
    the tv run of the same seed (the mean of the tv runs where that is missing); `best-0.5`, dB
    below the best method's mean; `fraction=0.95`, of the best method's mean gain; or
    `auto`, which see in `named_target`. All are of the validation images. Raises UserError for
    anything else.
    """
    kind, number = _parse_target(named_target(runs, target))
    if kind == "psnr=":
        level = pd.Series(number, index=runs.index, dtype="float64")
    elif kind == "gain=":
        level = validation_observed(runs) + number
    elif kind == "tv":
        level = _tv_level(runs) + number
    elif kind == "best":
        level = _best_level(runs) + number
    else:
        observed = validation_observed(runs)
        level = observed + number * (_best_level(runs) - observed)
    return level.set_axis(runs["run_id"])


def validation_observed(runs: pd.DataFrame) -> pd.Series[float]:
    """Return the PSNR (dB) of the observed validation images of each run.

    A run that failed before it measured them takes the mean of its workload.
    """
    means = runs.groupby(WORKLOAD)[["validation_psnr_observed", "psnr_observed"]].transform("mean")
    validation = runs["validation_psnr_observed"].fillna(means["validation_psnr_observed"])
    return validation.fillna(runs["psnr_observed"]).fillna(means["psnr_observed"])


def validation_psnr(runs: pd.DataFrame) -> pd.Series[float]:
    """Return the final PSNR (dB) on the validation images, or what stands in for it."""
    return runs["validation_psnr"].fillna(runs["psnr"].where(without_validation(runs)))


def _parse_target(target: str) -> tuple[str, float]:
    number = r"(\d+(?:\.\d+)?)"
    target = target.replace("+-", "-")  # tv+-1: how tv-1 was written before
    absolute = re.fullmatch(rf"(psnr=|gain=|fraction=)(-?){number}", target.strip())
    relative = re.fullmatch(rf"(tv|best)([+-]){number}", target.strip())
    match = absolute or relative
    if match is None or (match[1] == "best" and match[2] == "+"):
        raise UserError(f"target {target!r}: not {FORMS}")
    return match[1], float(match[2] + match[3])


def _of_tv(runs: pd.DataFrame) -> pd.DataFrame:
    return completed(runs[runs["method"] == "tv"])


def _best_level(runs: pd.DataFrame) -> pd.Series[float]:
    """The best mean PSNR among the methods of each run's workload; NaN if none."""
    judged = runs.assign(level=validation_psnr(runs).where(runs["status"] == COMPLETED))
    means = judged.groupby([*WORKLOAD, "layer", "method", "method_params"])["level"].mean()
    return _looked_up(means.groupby(WORKLOAD).max(), runs, WORKLOAD)


def _tv_level(runs: pd.DataFrame) -> pd.Series[float]:
    """The PSNR of the tv run of the same problem, size and seed, else the mean of its tv runs."""
    tv = _of_tv(runs.assign(level=validation_psnr(runs)))
    means = tv.groupby(WORKLOAD)["level"].mean()
    of_seed = tv.groupby([*WORKLOAD, "seed"])["level"].mean()
    level = _looked_up(means, runs, WORKLOAD)
    if level.isna().any():
        missing = runs.loc[level.isna(), WORKLOAD].itertuples(index=False, name=None)
        problem, size = min(missing, key=str)
        raise UserError(f"target tv+…: no completed tv run of {printable(problem)} at size {size}")
    return _looked_up(of_seed, runs, [*WORKLOAD, "seed"]).fillna(level)


def _looked_up(values: pd.Series[float], runs: pd.DataFrame, by: list[str]) -> pd.Series[float]:
    """Return for each run the value of its workload, NaN where there is none."""
    return values.reindex(pd.MultiIndex.from_frame(runs[by])).set_axis(runs.index)
