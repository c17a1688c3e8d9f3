"""The table of the errors of gradients beside the quality that training with them led to."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import pandas as pd

from reports.data.dataset import Dataset
from reports.data.fidelity import (
    EXACT,
    PLACE,
    Point,
    Prediction,
    above_or_below,
    as_share,
    measured,
    overall,
    points,
    prediction,
)
from reports.data.grouping import completed, quality
from reports.data.spread import spread
from reports.format import NONE, counted, fixed
from reports.stats.intervals import Interval
from reports.tables import cells
from reports.tables.cells import FIRST, PSNR
from reports.tables.table import Table

CAPTION = (
    "At the trained weights of each run, the gradient that its training takes for one batch is "
    "compared with the exact gradient, which is computed in double precision. Cosine and relative "
    "error: means over seeds, the range in parentheses. Contraction: the largest norm of the "
    f"Jacobian of T at the test images. Difference: in final PSNR from {EXACT} with the same "
    "problem and layer, paired by seed and test image, with a 95 % interval; better or worse: the "
    "interval excludes 0, also at the level at which all verdicts of the table hold together."
)
COLUMNS = {
    **FIRST,
    "cosine": cells.with_range("cosine", 3),
    "relative error": cells.rounded("relative_error", 2),
    "contraction": cells.rounded("contraction", 3),
    **PSNR,
    f"difference from {EXACT} (dB)": cells.with_interval("difference", 2),
    "verdict": lambda row: str(row["verdict"]) or NONE,
    "seeds won": lambda row: f"{row['wins']}/{row['pairs']}" if row["pairs"] else NONE,
}


def fidelity_table(dataset: Dataset) -> Table:
    """Return a row per method and place in which runs know the error of their gradient."""
    table = pd.DataFrame([_row(point) for point in points(dataset)])
    return Table("fidelity", table, COLUMNS, CAPTION, list(_notes(dataset, table)))


def _row(point: Point) -> dict[str, object]:
    problem, size, layer = point.place
    cosines = point.runs["gradient_cosine"]
    several = len(cosines) > 1
    found, unknown = point.psnr, Interval(math.nan, math.nan, math.nan)
    difference = found.interval if found else unknown
    return {
        **{"problem": problem, "size": size, "layer": layer, "label": point.label},
        "seeds": len(point.runs),
        "cosine": float(cosines.mean()),
        "cosine_low": float(cosines.min()) if several else math.nan,
        "cosine_high": float(cosines.max()) if several else math.nan,
        "angle": float(np.mean(point.angle)),
        "relative_error": spread(point.runs["gradient_relative_error"]).mean,
        "contraction": spread(point.runs["layer_contraction"]).mean,
        **quality(point.runs),
        "difference": difference.estimate,
        "difference_low": difference.low,
        "difference_high": difference.high,
        "verdict": found.verdict if found else "",
        "wins": found.wins if found else 0,
        "pairs": found.seeds if found else 0,
    }


def _notes(dataset: Dataset, table: pd.DataFrame) -> Iterator[str]:
    """Yield how methods compare over all rows, and whether the more exact gradient is better."""
    if table.empty:
        return
    places = len(table[PLACE].drop_duplicates())
    if places > 1:
        for label, found in overall(dataset).items():
            bounds = f" [{fixed(found.interval.low, 2)}, {fixed(found.interval.high, 2)}]"
            yield (
                f"On average over {places} combinations of problem and layer, {label} ends "
                f"{above_or_below(found.interval.estimate)} {EXACT}"
                f"{bounds if found.interval.known else ''}: {found.verdict}."
            )
    runs = completed(dataset.runs)
    without = int(runs.loc[runs["layer"] != "", "gradient_cosine"].isna().sum())
    if without:
        yield (
            f"{counted(without, 'completed run')} with a layer could not be compared: no reference "
            "to 1e-12, or no gradient pass. They are in no number of this table."
        )
    found_of_pairs = prediction(measured(dataset))
    if found_of_pairs is not None:
        yield _on_prediction(found_of_pairs)


def _on_prediction(found: Prediction) -> str:
    pairs, places = counted(found.pairs, "pair"), counted(found.places, "combination")
    return (
        "Of two methods with one problem, layer and seed, the one with the more exact gradient "
        f"(the larger cosine) ended at the higher PSNR in {as_share(found.agreement)} of {pairs}; "
        f"chance is 50 %. Within {places} of problem and layer, 0.1 more of cosine goes with "
        f"{_per_tenth(found.slope)} dB. Brackets are 95 % intervals over seeds, for the same "
        "problems, layers and test images."
    )


def _per_tenth(slope: Interval) -> str:
    low, middle, high = (fixed(0.1 * each, 3) for each in (slope.low, slope.estimate, slope.high))
    return f"{middle} [{low}, {high}]" if slope.known else middle
