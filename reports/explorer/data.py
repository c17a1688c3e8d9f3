"""What the charts of a page show: means of curves, times to several targets, quality and cost."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import UserError
from reports.data.dataset import Dataset
from reports.data.grouping import GROUP, WORKLOAD, completed
from reports.data.spread import spread
from reports.data.targets import resolve_target
from reports.data.times import training_times
from reports.figures.style import MethodStyle, method_styles
from reports.format import MEBIBYTE, TIMES, counted, printable
from reports.stats.intervals import crossed_interval

Rows = list[dict[str, Any]]
TARGETS = ("tv+0", "tv-0.5", "best-0.5", "fraction=0.95", "fraction=0.8")
MANY_RUNS = 2000  # of which times are given for the report's own target alone
MOST_ROWS = 12_000  # of one chart, in a page: two megabytes
DIGITS = 5  # significant, of a number in a page
COUNTS = ("train_seconds", "forward_evaluations")


@dataclass(frozen=True)
class ChartData:
    """The rows of the charts, and what their controls choose from.

    workloads: key, problem and size (pixels) of each; methods: name, layer, colour and dashes in
    the order of reports. A row names its workload by `w` and its method by `m`, both numbers.
    curves: means over seeds at each step, with psnr (dB) ± psnr_std, ssim; levels: what does not
    train, and the observed images; times: of each seed to each target (s), `kept` or not; costs:
    the final quality with its 95 % interval, and what it costs. note: what was left out.
    """

    workloads: Rows
    methods: Rows
    targets: list[str]
    curves: Rows
    levels: Rows
    times: Rows
    costs: Rows
    note: str

    def as_json(self) -> dict[str, Any]:
        """Everything, as the page's script reads it."""
        return dict(vars(self))


def chart_data(dataset: Dataset) -> ChartData:
    """Gather what the charts show of the records."""
    runs = dataset.runs
    groups = [(key, group) for key, group in runs.groupby(WORKLOAD, sort=False)]
    workloads: Rows = [
        {
            "problem": printable(problem),
            "size": int(str(size)),
            "title": f"{printable(problem)}, {size}{TIMES}{size} px",
            "observed": _short(group["curve_observed"].mean()),
        }
        for (problem, size), group in groups
    ]
    place = {key: at for at, (key, _) in enumerate(groups)}
    styles, layers = method_styles(runs), runs.drop_duplicates("legend").set_index("legend")
    names = {name: at for at, name in enumerate(dataset.legends)}
    methods = [_method(name, str(layers.loc[name, "layer"]), styles[name]) for name in names]
    placed = runs.assign(
        w=[place[key] for key in runs[WORKLOAD].itertuples(index=False, name=None)],
        m=runs["legend"].map(names),
    )
    targets = list(dict.fromkeys([dataset.target, *TARGETS]))
    targets = targets[:1] if len(runs) > MANY_RUNS else targets
    charts = {
        "curves": _curves(placed, dataset.results.curves),
        "levels": _levels(placed),
        "times": [row for target in targets for row in _times(dataset, target, placed)],
        "costs": [_cost(group, dataset, placed) for _, group in runs.groupby(GROUP, sort=False)],
    }
    left = sum(max(len(rows) - MOST_ROWS, 0) for rows in charts.values())
    note = f"{counted(left, 'row')} of the charts left out, which the tables have." if left else ""
    known = {row["target"] for row in charts["times"]}
    return ChartData(
        workloads=workloads,
        methods=methods,
        targets=[target for target in targets if target in known],
        note=note,
        **{name: rows[:MOST_ROWS] for name, rows in charts.items()},
    )


def _method(name: str, layer: str, style: MethodStyle) -> dict[str, Any]:
    dashes = [] if isinstance(style.linestyle, str) else [2 * each for each in style.linestyle[1]]
    return {
        "name": printable(name),
        "layer": printable(layer),
        "color": style.color,
        "dash": dashes,
    }


def _curves(placed: pd.DataFrame, curves: pd.DataFrame) -> Rows:
    """Means over the completed seeds of a method, at each step that all of them have."""
    done = completed(placed)[["run_id", "w", "m"]]
    known = curves.merge(done, on="run_id")
    seeds = known.groupby(["w", "m"], as_index=False)["run_id"].nunique()
    steps = known.groupby(["w", "m", "step"])
    means = steps[[*COUNTS, "psnr", "ssim"]].mean()
    means = means.assign(psnr_std=steps["psnr"].std(ddof=1), of=steps["run_id"].nunique())
    table = means.reset_index().merge(seeds, on=["w", "m"])
    table = table[table["of"] == table["run_id"]].fillna({"psnr_std": 0.0})
    return [
        {name: int(row[name]) for name in ("w", "m", "step")}
        | {name: _short(row[name]) for name in (*COUNTS, "psnr", "psnr_std", "ssim")}
        for row in table.to_dict("records")
    ]


def _levels(placed: pd.DataFrame) -> Rows:
    """The validation PSNR of methods that do not train."""
    done = completed(placed)
    means = done[done["below"].isna()].groupby(["w", "m"])["curve_psnr"].mean().reset_index()
    return [
        {"w": int(row["w"]), "m": int(row["m"]), "psnr": _short(row["curve_psnr"])}
        for row in means.to_dict("records")
    ]


def _times(dataset: Dataset, target: str, placed: pd.DataFrame) -> Iterator[dict[str, Any]]:
    """The time of each seed to a target: from which it is kept, or the whole training."""
    times = dataset.trained[["run_id", "below", "reached", "target"]]
    if target != dataset.target:
        runs, curves = dataset.results.runs, dataset.results.curves
        try:
            level = resolve_target(runs, target)
        except UserError:  # the records have no such method
            return
        times = training_times(runs, curves, np.asarray(level, np.float64))
    found = times[times["target"].notna()].merge(placed[["run_id", "w", "m", "seed"]], on="run_id")
    for row in found.to_dict("records"):
        kept = math.isfinite(row["reached"])
        which = {name: int(row[name]) for name in ("w", "m", "seed")} | {"target": target}
        seconds = _short(row["reached"] if kept else row["below"])
        yield {**which, "s": seconds, "kept": kept, "level": _short(row["target"])}


def _cost(group: pd.DataFrame, dataset: Dataset, placed: pd.DataFrame) -> dict[str, Any]:
    done = completed(group)
    interval = crossed_interval(dataset.seeds_by_images(done)) if len(done) else None
    first = placed.loc[group.index[0]]
    known = interval is not None and interval.known
    return {
        "w": int(first["w"]),
        "m": int(first["m"]),
        "seeds": len(done),
        "psnr": _short(spread(done["psnr"]).mean),
        "ssim": _short(spread(done["ssim"]).mean),
        "low": _short(interval.low) if interval and known else None,
        "high": _short(interval.high) if interval and known else None,
        "train_seconds": _short(spread(done["train_seconds"]).mean),
        "memory": _short(spread(done["peak_memory_bytes"]).mean / MEBIBYTE),
        "image_seconds": _short(spread(done["reconstruct_seconds_per_image"]).mean),
        "parameters": _short(spread(done["parameters"]).mean),
    }


def _short(value: float) -> float | None:
    """A number with few digits; None, which no chart shows, for what is not finite."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None
