"""The runs of one method on one workload: a row of a table, a line of a figure."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from bench.records import COMPLETED, STATUSES
from reports.data.spread import spread

WORKLOAD = ["problem", "size"]
GROUP = [*WORKLOAD, "layer", "method", "label", "legend"]
CONVERGED_ENOUGH = 0.95  # of the forward solves; below, a PSNR is not that of a fixed point


def rows_of_groups(
    runs: pd.DataFrame, numbers: Callable[[pd.DataFrame], dict[str, object]]
) -> pd.DataFrame:
    """Return a row per workload and method, in reporting order, with the numbers of its runs."""
    return pd.DataFrame(
        dict(zip(GROUP, key, strict=True)) | numbers(group)
        for key, group in runs.groupby(GROUP, sort=False)
    )


def completed(runs: pd.DataFrame) -> pd.DataFrame:
    """Return the runs that ended well."""
    return runs[runs["status"] == COMPLETED]


def status_counts(group: pd.DataFrame) -> str:
    """Return how the runs of a group ended: `2 completed, 1 timeout`."""
    counts = group["status"].value_counts()
    return ", ".join(f"{counts[name]} {name}" for name in STATUSES if name in counts)


def quality(done: pd.DataFrame) -> dict[str, object]:
    """Return the mean PSNR of completed runs, its deviation, and whether one is unconverged."""
    psnr = spread(done["psnr"])
    unconverged = bool(done["forward_converged_fraction"].min() < CONVERGED_ENOUGH)
    return {"psnr_mean": psnr.mean, "psnr_std": psnr.std, "unconverged": unconverged}


def unconverged_methods(runs: pd.DataFrame) -> set[str]:
    """Return the methods of which a completed run was read at an unconverged fixed point."""
    done = completed(runs)
    return set(done.loc[done["forward_converged_fraction"] < CONVERGED_ENOUGH, "legend"])
