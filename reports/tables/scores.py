"""Scores over all workloads: gains, differences from one method, times and ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.differences import TOO_FEW, difference
from reports.data.grouping import unconverged_methods
from reports.data.pool import Pool, TimeRatios
from reports.format import NONE, counted
from reports.stats.aggregate import interquartile_mean, mean, median
from reports.stats.intervals import Interval, crossed_interval, range_of
from reports.stats.profiles import benchmark_score
from reports.stats.ranks import Ranking
from reports.stats.verdicts import MOST_SEEDS
from reports.tables import cells
from reports.tables.cells import Row, Write
from reports.tables.table import Table

BOUNDS = ("", "_low", "_high")


def scores_table(dataset: Dataset) -> Table:
    """Return a row per method; none with fewer than two methods, or if they hardly share seeds."""
    pool, reference = dataset.pool, dataset.reference
    if len(pool.gains) < 2:
        return Table("scores", pd.DataFrame(), {})
    unconverged = unconverged_methods(dataset.runs)
    table = pd.DataFrame(
        {
            "method": method,
            "values": int(np.isfinite(gains).sum()),
            "unconverged": method in unconverged,
            **_bounds("gain_mean", _mean_gain(pool, method)),
            "gain_median": float(median(gains)),
            "gain_iqm": float(interquartile_mean(gains)),
            **_difference(pool, method, reference),
            **_bounds("score", _score(pool.ratios, method)),
            **_bounds("score_to_reference", _score(pool.to_reference, method)),
            "average_rank": pool.ranks.average_ranks[method] if pool.ranks else math.nan,
        }
        for method, gains in pool.gains.items()
    )
    notes = list(_notes(pool, reference, table))
    return Table("scores", table, _columns_to(reference or NONE, math.prod(pool.shape)), "", notes)


def _mean_gain(pool: Pool, method: str) -> Interval:
    """Over seeds and images; the mean of all values where no seed has every workload."""
    values = pool.collapsed(method)
    found = crossed_interval(values)
    if math.isnan(found.estimate):
        return Interval(math.nan, float(mean(pool.gains[method])), math.nan)
    return found


def _difference(pool: Pool, method: str, reference: str) -> dict[str, object]:
    if reference in ("", method):
        nothing = dict.fromkeys((f"difference{end}" for end in BOUNDS), math.nan)
        return {**nothing, "verdict": "", "seeds_needed": math.nan, "wins": 0, "pairs": 0}
    found = difference(pool.differences(method, reference), len(pool.gains) - 1)
    compared = {
        "verdict": found.verdict,
        "seeds_needed": found.seeds_needed,
        "wins": found.wins,
        "pairs": found.seeds,
    }
    return {**_bounds("difference", found.interval), **compared}


def _score(ratios: TimeRatios, method: str) -> Interval:
    """Return the mean over seeds and workloads of the time score, and its range over seeds."""
    if method not in ratios.of_method:
        return Interval(math.nan, math.nan, math.nan)
    each = ratios.of_method[method]
    of_seeds = np.array([benchmark_score(seed[~np.isnan(seed)]) for seed in each])
    return range_of(benchmark_score(each[~np.isnan(each)]), of_seeds)


def _bounds(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


# ---------------------------------------------------------------------------------------- text


def _columns_to(reference: str, values: int) -> dict[str, Write]:
    return {
        "method": cells.flagged(lambda row: str(row["method"])),
        "mean gain (dB)": cells.with_interval("gain_mean", 2),
        "median gain (dB)": cells.rounded("gain_median", 2),
        "interquartile mean gain (dB)": cells.rounded("gain_iqm", 2),
        f"difference from {reference} (dB)": cells.with_interval("difference", 2),
        "verdict": _verdict,
        "seeds won": _wins,
        "average rank": cells.rounded("average_rank", 2),
        "time score": cells.with_range("score", 3),
        f"time score relative to {reference}": cells.with_range("score_to_reference", 3),
        "values": lambda row: f"{row['values']}/{values}",
    }


def _verdict(row: Row) -> str:
    seeds = row["seeds_needed"]
    if math.isnan(seeds):
        return str(row["verdict"]) or NONE
    more = f"> {MOST_SEEDS}" if math.isinf(seeds) else f"{seeds:.0f}"
    return f"{row['verdict']} ({more} seeds)"


def _wins(row: Row) -> str:
    return f"{row['wins']}/{row['pairs']}" if row["pairs"] else NONE


def _notes(pool: Pool, reference: str, table: pd.DataFrame) -> Iterator[str]:
    """Yield what a reader must know to read the scores, a paragraph each."""
    seeds, workloads = pool.shape
    yield (
        f"Gains are over {counted(workloads, 'workload')} (problem and size) and "
        f"{counted(seeds, 'seed')}. {_on_intervals(pool)}"
    )
    if reference:
        yield (
            f"The difference from {reference} is paired by seed, and by test image where the "
            "records have the quality of each. Better or worse: the interval excludes 0, also at "
            "the level at which all verdicts of the table hold together in 95 % of the cases. "
            "Seeds won are those whose mean difference is above 0."
        )
    yield (
        "The time score is that of AlgoPerf: 1 for a method that is always the fastest to the "
        "target, 0 for one that never reaches it within four times the fastest time of the seed "
        "and workload. It is relative to the methods in this table: adding one changes it. "
        "Parentheses are the range over seeds, which is no interval."
    )
    if reference:
        yield (
            f"The time score relative to {reference} uses the times of {reference} in place of "
            "the fastest, so that no other method changes it."
        )
    if pool.ratios.left_out or pool.to_reference.left_out:
        yield (
            "Pairs of seed and workload without a time to compare with are left out of the time "
            f"scores: {pool.ratios.left_out} in which no method kept the target, or machines "
            f"differ, {pool.to_reference.left_out} in which the reference did not."
        )
    if pool.ranks:
        yield _note_on_ranks(pool.ranks, pool.block)
    if table["unconverged"].any():
        yield "! marks a method with a PSNR at an unconverged fixed point."
    if (table["values"] < seeds * workloads).any():
        yield "Methods with fewer values are averaged over other runs than the rest."


def _on_intervals(pool: Pool) -> str:
    if pool.shape[0] < 2:
        return f"There are no intervals: {TOO_FEW}."
    with_images = [method for method in pool.gains if method in pool.image_gains]
    if len(with_images) == len(pool.gains):
        over = "over seeds and test images"
    elif with_images:
        over = "over seeds and test images, of methods without records of images over seeds only"
    else:
        over = "over seeds only, since the records do not have the quality of each test image"
    return (
        f"Brackets are 95 % intervals {over}. They are of the seeds that have every workload of a "
        "method; where that is a single one, there is no interval."
    )


def _note_on_ranks(ranks: Ranking, block: str) -> str:
    shared = " (which share their test images)" if block == "seed" else ""
    sign = "<" if ranks.p_value.is_bound else "="
    known = math.isfinite(ranks.p_value.value)
    p_value = f" Friedman's exact test: p {sign} {ranks.p_value.value:.2g}." if known else ""
    return (
        f"Ranks are of the gain over {counted(ranks.blocks, block)}{shared}, 1 is the best; a "
        f"failed run ranks last. {_on_difference(ranks)}{p_value}"
    )


def _on_difference(ranks: Ranking) -> str:
    if math.isnan(ranks.critical_difference):
        return "Too few blocks: no difference of average ranks could be significant (Nemenyi, 5 %)."
    return (
        f"Average ranks that differ by less than {ranks.critical_difference:.2f} do not differ "
        "significantly (Nemenyi, 5 %)."
    )
