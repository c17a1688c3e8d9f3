"""What a report begins with: a sentence for each finding, as strong as its interval allows.

A method that is chosen after looking, the best of its kind, is compared at the level at which the
verdicts on all pairs of methods hold together; the reference with the exact method at that of the
scores, at which those on the reference and every other method do.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from math import comb

import numpy as np
import pandas as pd

from reports.data.best import ratio_of_times
from reports.data.dataset import Dataset
from reports.data.differences import TOO_FEW, Difference, difference
from reports.data.fidelity import EXACT, above_or_below, as_share, measured, overall, prediction
from reports.data.grouping import WORKLOAD, completed
from reports.data.times import TRAINED_FAMILIES, time_to_target
from reports.format import TIMES, counted, fixed, number, printable
from reports.stats.aggregate import Array
from reports.stats.intervals import Interval
from reports.stats.verdicts import BETTER, MOST_SEEDS, WORSE

CLOSE = 0.1  # dB: a difference that nobody sees
MOST_WORKLOADS = 3  # that are written of one by one


@dataclass(frozen=True)
class Scope:
    """What the sentences are about: one workload, or all; psnr: mean of each method (dB)."""

    name: str
    runs: pd.DataFrame
    psnr: dict[str, float]
    differences: Callable[[str, str], Array]
    unit: str

    def best(self, *families: str) -> str:
        """The method of these families with the highest mean; "" if there is none."""
        family = self.runs.drop_duplicates("legend").set_index("legend")["family"]
        known = [name for name in self.psnr if family[name] in families]
        return max(known, key=lambda name: self.psnr[name], default="")


def headline(dataset: Dataset | None) -> list[str]:
    """Return the sentences; none with fewer than two methods that completed a run."""
    if dataset is None or dataset.runs.empty or len(dataset.pool.gains) < 2:
        return []
    scopes = list(_scopes(dataset))
    found = [
        f"{scope.name}: {sentence}" if len(scopes) > 1 else sentence
        for scope in scopes
        for sentence in _sentences(scope, dataset)
    ]
    return [*found, *_over_layers(dataset)]


def _over_layers(dataset: Dataset) -> Iterator[str]:
    """Yield how methods compare with EXACT where there are several layers; one is in no scope."""
    layers = dataset.runs.loc[dataset.runs["layer"] != "", "layer"].nunique()
    if layers < 2:
        return
    for label, found in overall(dataset).items():
        if found.interval.known:
            size = above_or_below(found.interval.estimate)
            yield (
                f"On average over {layers} layers, {label} ends {size} {EXACT}: {found.verdict} "
                f"({_bounds(found)})."
            )
    known = prediction(measured(dataset))
    if known is not None and known.agreement.known:
        yield (
            "Of two methods with one problem, layer and seed, the one with the more exact gradient "
            f"ended higher in {as_share(known.agreement)} of {counted(known.pairs, 'pair')}; "
            "chance is 50 %."
        )


def _scopes(dataset: Dataset) -> Iterator[Scope]:
    pool, runs = dataset.pool, completed(dataset.runs)
    if len(pool.workloads) > MOST_WORKLOADS:
        gains = {name: values for name, values in pool.gains.items() if np.isfinite(values).any()}
        means = {name: float(np.nanmean(values)) for name, values in gains.items()}
        name = f"over {len(pool.workloads)} problems and sizes"
        yield Scope(name, runs, means, pool.differences, "dB of gain")
        return
    for (problem, size), group in runs.groupby(WORKLOAD, sort=False):

        def paired(a: str, b: str, at: tuple[object, ...] = (problem, size)) -> Array:
            return pool.differences_on(a, b, at)

        psnr = group.groupby("legend", sort=False)["psnr"].mean()
        means = {str(name): float(value) for name, value in psnr.items() if math.isfinite(value)}
        name = f"{printable(problem)}, {size}{TIMES}{size}"
        yield Scope(name, group, means, paired, "dB")


def _sentences(scope: Scope, dataset: Dataset) -> Iterator[str]:
    reference = dataset.reference
    gradient = scope.best("gradient")
    trained, untrained = scope.best(*TRAINED_FAMILIES), scope.best("variational", "plug_and_play")
    pairs = [
        (reference, EXACT),
        (gradient, scope.best("feedforward")),
        (trained, untrained),
    ]
    written = [pair for pair in dict.fromkeys(pairs) if set(pair) <= scope.psnr.keys()]
    for first, second in written:
        if first != second:
            others = len(scope.psnr) - 1
            fixed_before = (first, second) == (reference, EXACT)
            yield on_quality(scope, first, second, others if fixed_before else comb(others + 1, 2))
    if {reference, EXACT} <= scope.psnr.keys() and reference != EXACT:
        yield from _on_time(scope, dataset, reference, EXACT)


def on_quality(scope: Scope, first: str, second: str, comparisons: int) -> str:
    """Write which of two methods ends higher, or that this is not known.

    comparisons: how many verdicts are to hold together in 95 % of the cases.
    """
    found = difference(scope.differences(first, second), comparisons)
    if found.verdict == WORSE:
        return on_quality(scope, second, first, comparisons)
    both = f"{scope.psnr[first]:.2f} against {scope.psnr[second]:.2f} {scope.unit}"
    if found.verdict == TOO_FEW:
        return (
            f"{first} and {second} ({both}) cannot be compared: "
            f"{counted(found.seeds, 'seed')}, no interval."
        )
    if found.verdict == BETTER:
        size = fixed(found.interval.estimate, 2)
        return f"{first} ends {size} dB above {second} ({both}; {_bounds(found)})."
    bounds = _difference(found)
    if found.interval.low >= -CLOSE and found.interval.high <= CLOSE:
        return f"{first} matches {second} to within {CLOSE:g} dB ({both}; {bounds})."
    which = f"Whether {first} or {second} ends higher"
    return f"{which} is inconclusive ({both}; {bounds}{_more(found)})."


def _bounds(found: Difference) -> str:
    low, high = (fixed(end, 2) for end in (found.interval.low, found.interval.high))
    seeds = counted(found.seeds, "seed")
    return f"95 % interval of the difference {low} to {high} dB, {seeds}"


def _difference(found: Difference) -> str:
    """Write the difference of the pairs, which that of the means of unlike seeds need not be."""
    return f"difference {fixed(found.interval.estimate, 2)} dB; {_bounds(found)}"


def _more(found: Difference) -> str:
    """Write with how many seeds an inconclusive difference would be decided."""
    seeds = found.seeds_needed
    if math.isnan(seeds):
        return ""
    if math.isinf(seeds):
        return f"; more than {MOST_SEEDS} would be needed"
    return f"; {seeds:.0f} may decide it"


def _on_time(scope: Scope, dataset: Dataset, first: str, second: str) -> Iterator[str]:
    """Yield which of two methods keeps the target sooner, and by what factor."""
    groups = [scope.runs[scope.runs["legend"] == name] for name in (first, second)]
    several = len(scope.runs[WORKLOAD].drop_duplicates()) > 1
    if several or any(group["below"].isna().all() for group in groups):
        return
    target = f"the target ({dataset.target})"
    times = {
        name: time_to_target(group)["time_to_target"]
        for name, group in zip((first, second), groups, strict=True)
    }
    missed = [name for name, time in times.items() if math.isinf(time)]
    if len(missed) == 2:
        yield f"Neither {first} nor {second} keeps {target} in its training time."
    elif missed:
        (other,) = times.keys() - set(missed)
        yield f"{other} reaches {target}; {missed[0]} does not keep it in its training time."
    else:
        yield _on_ratio(ratio_of_times(groups[1], groups[0], "reached"), times, target)


def _on_ratio(log_ratio: Interval, times: dict[str, float], target: str) -> str:
    """Write of the logarithm of the second time over the first."""
    first, second = times
    both = f"medians {number(times[first])} and {number(times[second])} s"
    if not log_ratio.known or log_ratio.low <= 0 <= log_ratio.high:
        return f"Which of {first} and {second} reaches {target} sooner is inconclusive ({both})."
    if log_ratio.high < 0:
        first, second = second, first
        log_ratio = Interval(-log_ratio.high, -log_ratio.estimate, -log_ratio.low)
    ratio = log_ratio.map(math.exp)
    return (
        f"{first} reaches {target} {ratio.estimate:.1f} times sooner than {second} "
        f"({both}; 95 % interval {ratio.low:.1f} to {ratio.high:.1f})."
    )
