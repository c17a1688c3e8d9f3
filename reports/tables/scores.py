"""Scores over all workloads: aggregates with intervals, improvement, times and ranks."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.grouping import unconverged_methods
from reports.data.pool import Pool
from reports.format import NONE, counted, fixed
from reports.stats.aggregate import Array, interquartile_mean, mean, median
from reports.stats.improvement import probability_of_improvement
from reports.stats.profiles import Ratios, benchmark_score
from reports.stats.ranks import Ranking
from reports.stats.resampling import Interval, bootstrap_intervals
from reports.tables import cells
from reports.tables.cells import Row, Write
from reports.tables.table import Table

AGGREGATES = {"mean": mean, "median": median, "iqm": interquartile_mean}


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
            **_improvement(pool.gains, method, reference),
            "score": _score(pool.ratios, method),
            "score_to_reference": _score(pool.to_reference, method),
            "average_rank": pool.ranks.average_ranks[method] if pool.ranks else math.nan,
        }
        for method, gains in pool.gains.items()
    )
    for name, aggregate in AGGREGATES.items():
        intervals = bootstrap_intervals(pool.gains, aggregate)
        bounds = pd.DataFrame(_bounds(f"gain_{name}", each) for each in intervals.values())
        table = table.join(bounds)
    notes = list(_notes(pool, reference, table))
    return Table("scores", table, _columns_to(reference or NONE, math.prod(pool.shape)), "", notes)


def _score(ratios: Ratios, method: str) -> float:
    return benchmark_score(ratios.of_method[method]) if method in ratios.of_method else math.nan


def _improvement(gains: dict[str, Array], method: str, reference: str) -> dict[str, float]:
    found = Interval(math.nan, math.nan, math.nan)
    if reference not in ("", method):
        found = probability_of_improvement(gains[method], gains[reference])
    return _bounds("improvement", found)


def _bounds(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


# ---------------------------------------------------------------------------------------- text


def _columns_to(reference: str, values: int) -> dict[str, Write]:
    return {
        "method": cells.flagged(lambda row: str(row["method"])),
        "mean gain (dB)": _interval("gain_mean"),
        "median gain (dB)": _interval("gain_median"),
        "interquartile mean gain (dB)": _interval("gain_iqm"),
        f"P(better than {reference})": _interval("improvement"),
        "average rank": cells.rounded("average_rank", 2),
        "time score": cells.rounded("score", 3),
        f"time score relative to {reference}": cells.rounded("score_to_reference", 3),
        "values": lambda row: f"{row['values']}/{values}",
    }


def _interval(name: str) -> Write:
    def write(row: Row) -> str:
        found = Interval(row[f"{name}_low"], row[name], row[f"{name}_high"])
        bounds = f" [{found.low:.2f}, {found.high:.2f}]" if found.known else ""
        return fixed(found.estimate, 2) + bounds

    return write


def _notes(pool: Pool, reference: str, table: pd.DataFrame) -> Iterator[str]:
    """Yield what a reader must know to read the scores, a paragraph each."""
    seeds, workloads = pool.shape
    yield (
        f"Gains are over {counted(workloads, 'workload')} (problem and size) and "
        f"{counted(seeds, 'seed')}. Brackets are 95 % intervals of a bootstrap over the seeds of "
        "each workload" + (", unknown with one seed." if seeds < 2 else ".")
    )
    yield (
        "The time score is that of AlgoPerf: 1 for a method that is always the fastest to the "
        "target, 0 for one that never reaches it within four times the fastest time. It is "
        "relative to the methods in this table: adding one changes it."
    )
    if reference:
        yield (
            f"The time score relative to {reference} uses the times of {reference} in place of "
            "the fastest, so that no other method changes it."
        )
    left_out = pool.ratios.workloads_left_out, pool.to_reference.workloads_left_out
    if any(left_out):
        yield (
            "Workloads without a time to compare with are left out of the time scores: "
            f"{left_out[0]} in which no method reached the target, {left_out[1]} in which the "
            "reference did not."
        )
    if pool.ranks:
        yield _note_on_ranks(pool.ranks, pool.block)
    if table["unconverged"].any():
        yield "! marks a method with a PSNR at an unconverged fixed point."
    if (table["values"] < seeds * workloads).any():
        yield "Methods with fewer values are averaged over other runs than the rest."


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
