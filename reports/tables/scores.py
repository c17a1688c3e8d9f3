"""Scores over all problems and sizes: aggregates with intervals, improvement, times and ranks."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from bench.errors import UserError, suggestion
from bench.records import COMPLETED, Results
from reports.data import pool as cells
from reports.data.labels import NONE, counted, with_labels
from reports.data.spread import CONVERGED_ENOUGH
from reports.stats.aggregate import Array, interquartile_mean, mean, median
from reports.stats.improvement import probability_of_improvement
from reports.stats.profiles import Ratios, benchmark_score, performance_ratios, reference_ratios
from reports.stats.ranks import Ranking, ranking
from reports.stats.resampling import Interval, bootstrap_intervals
from reports.data.times import times_to_target

Row = dict[Hashable, Any]
DEFAULT_REFERENCE = "jfb"
MOST_VALUES = 5_000_000
AGGREGATES = {"mean": mean, "median": median, "iqm": interquartile_mean}


@dataclass(frozen=True)
class Scores:
    """The numbers of a pool of methods, and what they are relative to.

    table: a row per method; reference: the method that absolute scores are relative to, "" if
    none; ranks: of the gain, over blocks that are each a `block`; left_out: cells that no method,
    or not the reference, reached the target in.
    """

    table: pd.DataFrame
    reference: str
    ranks: Ranking | None
    block: str
    seeds: int
    cells: int
    left_out: tuple[int, int]


def scores(results: Results, target: str, reference: str | None = None) -> Scores | None:
    """Return the scores of all methods; None with fewer than two, or if they hardly share seeds.

    Raises UserError if `reference` is given and is not among the methods.
    """
    runs = _runs(results, target)
    if _too_many(runs):
        return None
    gains = cells.gains(runs)
    base = _reference(reference, list(gains))
    if len(gains) < 2:
        return None
    shape = next(iter(gains.values())).shape
    pool, absolute = _ratios(runs, base)
    block, ranks = _ranks(gains)
    unconverged = _unconverged(runs)
    table = pd.DataFrame(
        [
            {
                "method": method,
                "values": int(np.isfinite(gains[method]).sum()),
                "unconverged": method in unconverged,
                **_improvement(gains, method, base),
                "score": _score(pool, method),
                "score_to_reference": _score(absolute, method),
                "average_rank": ranks.average_ranks[method] if ranks else math.nan,
            }
            for method in gains
        ]
    )
    table = table.merge(_aggregates(gains), on="method")
    left_out = pool.cells_left_out, absolute.cells_left_out
    return Scores(table, base, ranks, block, shape[0], shape[1], left_out)


def time_ratios(results: Results, target: str) -> Ratios:
    """Return the ratios of the median times to the target, (cells,) per trained method."""
    runs = _runs(results, target)
    return performance_ratios({} if _too_many(runs) else cells.cell_medians(cells.times(runs)))


def gain_ranks(results: Results) -> tuple[str, Ranking | None]:
    """Return what a block is, and the ranks of the gain; None with fewer than two of either."""
    runs = with_labels(results.runs)
    gains = {} if _too_many(runs) else cells.gains(runs)
    return _ranks(gains) if len(gains) > 1 else ("cell", None)


def _too_many(runs: pd.DataFrame) -> bool:
    """Whether a table of methods by seeds by cells would be larger than any grid of runs."""
    sides = (runs["legend"].nunique(), runs["seed"].nunique(), runs.groupby(cells.CELL).ngroups)
    return math.prod(sides) > MOST_VALUES


def _runs(results: Results, target: str) -> pd.DataFrame:
    reached = times_to_target(results, target)[["run_id", "reached"]]
    return with_labels(results.runs).merge(reached, on="run_id", how="left")


def _reference(wanted: str | None, methods: list[str]) -> str:
    if wanted is None:
        return DEFAULT_REFERENCE if DEFAULT_REFERENCE in methods else ""
    if wanted not in methods:
        raise UserError(
            f"reference {wanted!r} is not in the results: {suggestion(wanted, methods)}"
        )
    return wanted


def _unconverged(runs: pd.DataFrame) -> set[str]:
    """The methods of which a completed run was read at an unconverged fixed point."""
    done = runs[runs["status"] == COMPLETED]
    return set(done.loc[done["forward_converged_fraction"] < CONVERGED_ENOUGH, "legend"])


def _ratios(runs: pd.DataFrame, base: str) -> tuple[Ratios, Ratios]:
    """The ratios to the best of the pool, and to the reference."""
    times = cells.cell_medians(cells.times(runs))
    absolute = reference_ratios(times, base) if base in times else Ratios({}, 0)
    return performance_ratios(times), absolute


def _score(ratios: Ratios, method: str) -> float:
    return benchmark_score(ratios.of_method[method]) if method in ratios.of_method else math.nan


def _ranks(gains: dict[str, Array]) -> tuple[str, Ranking | None]:
    block, values = cells.blocks(gains)
    enough = len(next(iter(values.values()))) >= 2
    return block, ranking(values) if enough else None


def _aggregates(gains: dict[str, Array]) -> pd.DataFrame:
    found = {name: bootstrap_intervals(gains, function) for name, function in AGGREGATES.items()}
    rows = [
        {"method": method}
        | {
            column: value
            for name in AGGREGATES
            for column, value in _columns(f"gain_{name}", found[name][method]).items()
        }
        for method in gains
    ]
    return pd.DataFrame(rows)


def _improvement(gains: dict[str, Array], method: str, base: str) -> dict[str, float]:
    unknown = Interval(math.nan, math.nan, math.nan)
    compared = base not in ("", method)
    found = probability_of_improvement(gains[method], gains[base]) if compared else unknown
    return _columns("improvement", found)


def _columns(name: str, interval: Interval) -> dict[str, float]:
    return {name: interval.estimate, f"{name}_low": interval.low, f"{name}_high": interval.high}


# ------------------------------------------------------------------------------------------ text


def score_cells(found: Scores) -> pd.DataFrame:
    """Return the scores as text, a column per heading; what does not apply is a dash."""
    rows = found.table.to_dict("records")
    against = found.reference or NONE
    headings: dict[str, Callable[[Row], str]] = {
        "method": lambda row: str(row["method"]) + (" !" if row["unconverged"] else ""),
        "mean gain (dB)": lambda row: _interval(row, "gain_mean", 2),
        "median": lambda row: _interval(row, "gain_median", 2),
        "interquartile mean": lambda row: _interval(row, "gain_iqm", 2),
        f"P(better than {against})": lambda row: _interval(row, "improvement", 2),
        "average rank": lambda row: _fixed(row["average_rank"], 2),
        "time score": lambda row: _fixed(row["score"], 3),
        f"time score to {against}": lambda row: _fixed(row["score_to_reference"], 3),
        "values": lambda row: f"{row['values']}/{found.seeds * found.cells}",
    }
    return pd.DataFrame(
        {name: [write(row) for row in rows] for name, write in headings.items()}, dtype="str"
    )


def _fixed(value: float, decimals: int) -> str:
    return f"{value:.{decimals}f}" if math.isfinite(value) else NONE


def _interval(row: Row, name: str, decimals: int) -> str:
    estimate, low, high = (row[f"{name}{end}"] for end in ("", "_low", "_high"))
    bounds = math.isfinite(low) and math.isfinite(high)
    between = f" [{low:.{decimals}f}, {high:.{decimals}f}]" if bounds else ""
    return _fixed(estimate, decimals) + between


def score_notes(found: Scores) -> list[str]:
    """Return what a reader must know to read the scores, a line each."""
    notes = [
        f"Gains are over {counted(found.cells, 'cell')} (problem and size) and "
        f"{counted(found.seeds, 'seed')}; brackets: 95 % interval of a bootstrap over seeds within "
        "each cell" + (", unknown with one seed." if found.seeds < 2 else "."),
        "The time score is AlgoPerf's: 1 if always the fastest to the target, 0 if never within "
        "four times the fastest. It is relative to the methods in this table: adding one "
        "changes it.",
    ]
    if found.reference:
        notes.append(
            f"The time score to {found.reference} takes its times in place of the fastest, so that "
            "no other method changes it."
        )
    if any(found.left_out):
        pool, absolute = found.left_out
        notes.append(
            f"Cells without a time to compare with are left out of the time scores: {pool} that no "
            f"method reached the target in, {absolute} that the reference did not."
        )
    if found.ranks:
        notes.append(_said_of_ranks(found.ranks, found.block))
    if found.table["unconverged"].any():
        notes.append("! Some PSNRs of the method were not read at a fixed point.")
    if (found.table["values"] < found.seeds * found.cells).any():
        notes.append("Gains of a method with fewer values are over other runs than the rest.")
    return notes


def _said_of_ranks(ranks: Ranking, block: str) -> str:
    shared = " (which share their test images)" if block == "seed" else ""
    p_value = f", Friedman p = {ranks.p_value:.2g}" if math.isfinite(ranks.p_value) else ""
    return (
        f"Ranks are of the gain, 1 the best, a failed run last, over {counted(ranks.blocks, block)}"
        f"{shared}; average ranks that differ by less than {ranks.critical_difference:.2f} do not "
        f"differ significantly (Nemenyi, 5 %{p_value})."
    )
