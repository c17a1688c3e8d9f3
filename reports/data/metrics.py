"""What methods report of their own during training, with the method and seed of each value."""

from __future__ import annotations

import numpy as np
import pandas as pd

from reports.data.grouping import GROUP, completed


def metric_values(runs: pd.DataFrame, metrics: pd.DataFrame) -> pd.DataFrame:
    """Return the metrics of those of the labelled `runs` that completed.

    Columns: those of GROUP, seed, run_id, name, step and value, in the order of the runs, then of
    the first appearance of a name, then of the steps. Where a run reported a name several times at
    a step, the last value counts.
    """
    kept = completed(runs)[["run_id", "seed", *GROUP]]
    kept = kept.assign(run=np.arange(len(kept)))
    ranked = metrics.assign(rank=pd.factorize(metrics["name"])[0])
    values = kept.merge(ranked, on="run_id", how="inner")
    values = values.drop_duplicates(["run_id", "name", "step"], keep="last")
    values = values.sort_values(["run", "rank", "step"], kind="stable")
    return values.drop(columns=["run", "rank"]).reset_index(drop=True)


def last_values(values: pd.DataFrame) -> pd.DataFrame:
    """Return the row of the last step of each run and name, of values in order of the steps."""
    last: pd.DataFrame = values.groupby(["run_id", "name"], sort=False).tail(1)
    return last


def mean_metric(values: pd.DataFrame) -> pd.DataFrame:
    """Return step, mean and std over seeds (NaN: one seed) of one method's metric.

    At each step at which all of its seeds have a finite value; the others are left out.
    """
    seeds = values["run_id"].nunique()
    steps = values[np.isfinite(values["value"])].groupby("step")["value"]
    table = pd.DataFrame({"mean": steps.mean(), "std": steps.std(ddof=1)})
    complete: pd.DataFrame = table[steps.count() == seeds]
    return complete.reset_index()
