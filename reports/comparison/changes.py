"""Paired changes from A to B, per workload and method, with their intervals.

Ratios are compared as logarithms, so that twice as fast weighs as much as twice as slow.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from reports.comparison.matching import Pair
from reports.comparison.measures import MEASURES, PSNR, Measure
from reports.stats.aggregate import Array
from reports.stats.intervals import (
    LEVEL,
    Interval,
    crossed_interval,
    margin_with_seeds,
    range_of,
)
from reports.stats.noise import Noise, noises, ratio_interval

Group = tuple[object, ...]  # problem, size, noise_sigma, layer, method
Margin = Callable[[int, float], float]  # of an interval with so many pairs, at a level
Images = Mapping[object, Array]  # the PSNR of each test image of a run, (images,), by run_id


@dataclass(frozen=True)
class Context:
    """What is known besides the two runs of a pair.

    images_a, images_b: quality of every test image; floors: the noise of each measure of time;
    slower: how much slower the machine was while B was made, as the logarithm of a ratio, by its
    calibration (NaN: unknown); times: whether times are compared at all.
    """

    images_a: Images = field(default_factory=dict)
    images_b: Images = field(default_factory=dict)
    floors: Mapping[Measure, Noise] = field(default_factory=dict)
    slower: float = math.nan
    times: bool = True


@dataclass(frozen=True)
class Change:
    """From A to B: means of the paired values, and the interval of their difference.

    change: the difference B - A, of ratios the logarithm of B/A, at a level: change(0.95).
    """

    group: Group
    measure: Measure
    pairs: int
    a: float
    b: float
    change: Callable[[float], Interval]
    margin: Margin

    @property
    def interval(self) -> Interval:
        """The 95 % interval of the difference, or of the ratio B/A."""
        found = self.change(LEVEL)
        return found.map(_exp) if self.measure.is_ratio else found


def changes(pairs: Sequence[Pair], context: Context) -> list[Change]:
    """Return the change of each measure of each group that has it."""
    of_group: dict[Group, list[Pair]] = {}
    for pair in pairs:
        if pair.completed:
            of_group.setdefault(pair.group, []).append(pair)
    found = []
    for measure in MEASURES:
        if context.times or not measure.is_time:
            given = {group: _comparable(measure, each) for group, each in of_group.items()}
            kept = {group: each for group, each in given.items() if each}
            found += _of_measure(measure, kept, context)
    return found


def _of_measure(
    measure: Measure, of_group: Mapping[Group, list[Pair]], context: Context
) -> list[Change]:
    values = {group: paired_values(measure, each) for group, each in of_group.items()}
    scale: Callable[[Array], Array] = np.log if measure.is_ratio else np.asarray
    differences = {group: scale(each[:, 1]) - scale(each[:, 0]) for group, each in values.items()}
    noise = noises(differences, context.floors.get(measure, Noise()))
    found = []
    for group, each in values.items():
        if measure is PSNR:
            change, margin = _of_psnr(of_group[group], differences[group], context)
        elif measure.is_time:
            change, margin = _of_time(differences[group], noise[group], context.slower)
        else:
            change, margin = _exact(differences[group])
        a, b = each.mean(axis=0)
        found.append(Change(group, measure, len(each), float(a), float(b), change, margin))
    return found


def _of_psnr(
    pairs: Sequence[Pair], differences: Array, context: Context
) -> tuple[Callable[[float], Interval], Margin]:
    """Return the interval over seeds and images, over seeds where the images are not known."""
    table = _image_differences(pairs, context)
    if table is None:
        table = differences[:, None]

    def interval(level: float) -> Interval:
        # Above 95 % it is there to exclude no change, under which a difference has no skewness.
        return crossed_interval(table, level, symmetric=level > LEVEL)

    return interval, margin_with_seeds(table)


def _image_differences(pairs: Sequence[Pair], context: Context) -> Array | None:
    """Return B - A of every test image, (pairs, images), if both have as many of all pairs."""
    rows = []
    for pair in pairs:
        a = context.images_a.get(pair.a["run_id"], np.empty(0))
        b = context.images_b.get(pair.b["run_id"], np.empty(0))
        if not len(a) or len(a) != len(b):
            return None
        rows.append(b - a)
    return np.stack(rows) if len({len(row) for row in rows}) == 1 else None


def _of_time(
    logs: Array, noise: Noise, slower: float
) -> tuple[Callable[[float], Interval], Margin]:
    """Return the interval of a ratio of times, widened by what the calibration explains of it."""

    def interval(level: float) -> Interval:
        found = ratio_interval(logs, noise, level)
        if math.isnan(slower):
            return found
        low, high = found.low - max(slower, 0), found.high - min(slower, 0)
        return Interval(low, found.estimate, high)

    explained = 0 if math.isnan(slower) else abs(slower)

    def margin(count: int, level: float) -> float:
        found = ratio_interval(np.zeros(count), noise, level)
        return found.high + explained

    return interval, margin


def _exact(differences: Array) -> tuple[Callable[[float], Interval], Margin]:
    """Return the range of what is counted and not timed: it has no noise but that of the seeds."""
    found = range_of(float(differences.mean()), np.repeat(differences, 2))
    return lambda level: found, lambda count, level: math.nan


def _comparable(measure: Measure, pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs in which both values are known, of like things, and undisturbed if times."""
    kept = [pair for pair in pairs if pair.a[measure.like] == pair.b[measure.like]]
    if measure.is_time:
        kept = [pair for pair in kept if not pair.disturbed]
    if measure is PSNR:
        kept = [pair for pair in kept if not pair.other_images]
    return [pair for pair in kept if _known(measure, pair)]


def _known(measure: Measure, pair: Pair) -> bool:
    a, b = measure.of_run(pair.a), measure.of_run(pair.b)
    return math.isfinite(a) and math.isfinite(b) and (not measure.is_ratio or min(a, b) > 0)


def paired_values(measure: Measure, pairs: Sequence[Pair]) -> Array:
    """Return the values in A and B, (pairs, 2)."""
    return np.array([(measure.of_run(pair.a), measure.of_run(pair.b)) for pair in pairs])


def _exp(value: float) -> float:
    """The exponential of a mean logarithm; beyond 1e304 it is not worth an OverflowError."""
    return math.exp(min(value, 700.0))
