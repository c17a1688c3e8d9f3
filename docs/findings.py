"""The numbers of docs/findings.md, from results/reference: python docs/findings.py."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path

import bench
from reports.data.best import ratio_of_times
from reports.data.dataset import Dataset
from reports.data.fidelity import as_share, measured, overall, prediction
from reports.format import fixed, number
from reports.stats.intervals import Interval, crossed_interval
from reports.tables.pictures import pictures_table

REFERENCE = Path(__file__).resolve().parents[1] / "results" / "reference"


def dataset(name: str) -> Dataset:
    """The records of this name."""
    return Dataset.of(bench.load_results(REFERENCE / name))


def difference(first: Dataset, method: str, second: Dataset, other: str) -> str:
    """By how much a method ends above another (dB), paired by seed and image, over two folders."""
    groups = [
        each.runs[each.runs["method"] == name] for each, name in ((first, method), (second, other))
    ]
    seeds = sorted(set(groups[0]["seed"]) & set(groups[1]["seed"]))
    groups = [group[group["seed"].isin(seeds)] for group in groups]
    values = [
        each.paired_by_seed(group, seeds)
        for each, group in zip((first, second), groups, strict=True)
    ]
    return f"{_decibels(crossed_interval(values[0] - values[1]))} dB, {len(seeds)} seeds"


def times_longer(data: Dataset, method: str, other: str) -> str:
    """The ratio of the training times, paired by seed."""
    of = {name: data.runs[data.runs["method"] == name] for name in (method, other)}
    found = ratio_of_times(of[method], of[other], "train_seconds").map(math.exp)
    return f"{found.estimate:.1f} [{found.low:.1f}, {found.high:.1f}]"


def mean(data: Dataset, method: str, column: str, factor: float = 1.0) -> str:
    """The mean over seeds."""
    return number(factor * float(data.runs.loc[data.runs["method"] == method, column].mean()))


def on_pictures(data: Dataset, problem: str, rival: str) -> str:
    """By how much jfb is above a method on whole pictures (dB), paired by seed and picture."""
    table = pictures_table(data).numbers
    row = table[(table["problem"] == problem) & (table["method"] == rival)].iloc[0]
    ends = (-row["difference_high"], -row["difference"], -row["difference_low"])
    return f"{_decibels(Interval(*ends))} dB"


def _decibels(found: Interval) -> str:
    low, middle, high = (fixed(each, 2) for each in (found.low, found.estimate, found.high))
    return f"{middle} [{low}, {high}]"


def numbers() -> Iterator[tuple[str, str]]:
    """What the document quotes, by what it is about."""
    quick, faces, regimes = (dataset(name) for name in ("quick", "paper-small", "regimes"))
    short, tight = dataset("paper-small-equal-time"), dataset("paper-small-tight")
    yield "quality of ift, faces", difference(faces, "ift", faces, "jfb")
    yield "quality of unrolling, faces", difference(faces, "unrolling", faces, "jfb")
    yield "quality of ift, tight", difference(tight, "ift", tight, "jfb")
    yield "ift, tight above loose", difference(tight, "ift", faces, "ift")
    yield "jfb, tight above loose", difference(tight, "jfb", faces, "jfb")
    yield "cost of ift, tight", times_longer(tight, "ift", "jfb")
    for method in ("ift", "jfb"):
        yield f"cosine of {method}, tight", mean(tight, method, "gradient_cosine")
    yield "cost of ift, faces", times_longer(faces, "ift", "jfb")
    yield "cost of ift, quick", times_longer(quick, "ift", "jfb")
    yield "time of ift, equal time", mean(short, "ift", "train_seconds")
    yield "time of jfb, equal time", mean(faces, "jfb", "train_seconds")
    yield "quality of ift, equal time", difference(short, "ift", faces, "jfb")
    for method, found in overall(regimes).items():
        yield f"regimes, {method}", f"{_decibels(found.interval)} dB, {found.verdict}"
    yield "quality of ift, quick", difference(quick, "ift", quick, "jfb")
    told = prediction(measured(regimes))
    if told is not None:
        yield "agreement", f"{as_share(told.agreement)} of {told.pairs} pairs"
        slope = told.slope.map(lambda value: 0.1 * value)
        yield "slope", f"{slope.estimate:.3f} [{slope.low:.3f}, {slope.high:.3f}] dB"
    yield "cost of unrolling, faces", times_longer(faces, "unrolling", "jfb")
    for method in ("unrolling", "jfb", "ift"):
        yield f"memory of {method}, faces", mean(faces, method, "peak_memory_bytes", 2**-20)
    for rival in ("dncnn", "restormer", "tv"):
        yield f"jfb above {rival}, quick", difference(quick, "jfb", quick, rival)
    whole = dataset("standard")
    for problem in ("gaussian", "motion"):
        for rival in ("ift", "dncnn", "pnp_admm", "tv"):
            yield f"jfb above {rival}, whole {problem}", on_pictures(whole, problem, rival)
    yield "jfb above dncnn, faces", difference(faces, "jfb", faces, "dncnn")
    yield from _steps()


def _steps() -> Iterator[tuple[str, str]]:
    """One step at a forward tolerance of 1e-3, by solver: times that of jfb, and its error."""
    rows = bench.load_results(REFERENCE / "paper-timing").gradients
    rows = rows[rows["tolerance"] == 1e-3]
    rows = rows.assign(
        solver=[json.loads(text).get("solver", "") for text in rows["method_params"]],
        step=rows["forward_seconds"] + rows["backward_seconds"],
    )
    medians = rows.groupby(["network", "size", "solver"])[["step", "relative_error"]].median()
    free = medians.xs("", level="solver")["step"]
    for solver in ("gmres", "normal_cg"):
        ratios = medians.xs(solver, level="solver")["step"] / free
        yield f"step of {solver}", f"{ratios.min():.1f} to {ratios.max():.1f} times"
    errors = medians.xs("gmres", level="solver")["relative_error"]
    yield "error of gmres", f"{errors.min():.1f} to {errors.max():.1f}"


if __name__ == "__main__":
    for about, text in numbers():
        print(f"{about}: {text}")
