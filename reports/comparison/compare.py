"""The comparison of two results folders, from their records to text and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from bench.records import load_results
from reports.attempts import quiet
from reports.comparison import measures, text
from reports.comparison.changes import Context, Images, changes
from reports.comparison.differences import differences, obstacle_to_times
from reports.comparison.matching import Pair, match_runs
from reports.comparison.measures import Measure
from reports.comparison.verdict import Limits, described, failures, judge
from reports.data.dataset import Dataset
from reports.format import counted, printable
from reports.stats import verdicts
from reports.stats.noise import Noise


@dataclass(frozen=True)
class Comparison:
    """What `compare` prints and writes; `damaged` names the records that could not be read.

    regressions: what is worse, missing or failed, a line each; inconclusive: what cannot be said.
    """

    lines: list[str]
    table: pd.DataFrame
    regressions: list[str]
    inconclusive: list[str]
    damaged: list[str]


@quiet()
def compare_folders(
    path_a: Path,
    path_b: Path,
    limits: Limits,
    *,
    renamed: Sequence[tuple[str, str]] = (),
    times_always: bool = False,
) -> Comparison:
    """Compare B with A; raises UserError if a folder is no results folder or nothing matches."""
    a, b = (Dataset.of(load_results(path)) for path in (path_a, path_b))
    matching = match_runs(a.runs, b.runs, renamed)
    pairs = matching.pairs
    obstacle = obstacle_to_times(a.results.experiment, b.results.experiment, pairs)
    context = context_of(a, b, pairs, times=times_always or not obstacle)
    found = changes(pairs, context)
    judged = judge(found, limits)
    times = [f"times are not compared: {obstacle}"]
    if context.times:
        warning = [f"warning, times are not comparable: {obstacle}"] if obstacle else []
        times = [*warning, *text.times(judged, _on_noise(context, pairs))]
    lines = [
        *(f"{name}: {printable(each.results.path, 100)}" for name, each in (("A", a), ("B", b))),
        *text.differing(differences(a.results, b.results, pairs)),
        *text.matched(matching),
        *("", *text.quality(judged, images=bool(context.images_a and context.images_b))),
        *("", *times),
    ]
    worse, unclear = (
        [described(each, limits, found) for each in judged if each.verdict == verdict]
        for verdict in (verdicts.WORSE, verdicts.INCONCLUSIVE)
    )
    return Comparison(
        lines=lines,
        table=text.table(judged),
        regressions=[*failures(matching, b.results.damaged), *worse],
        inconclusive=unclear,
        damaged=[*a.results.damaged, *b.results.damaged],
    )


def context_of(a: Dataset, b: Dataset, pairs: Sequence[Pair], *, times: bool) -> Context:
    """Gather what is known besides the pairs themselves."""
    return Context(
        images_a=images_of(a),
        images_b=images_of(b),
        floors={each: common_noise(a, b, pairs, each) for each in measures.TIMES},
        slower=slowdown_of_machine(pairs),
        times=times,
    )


def images_of(dataset: Dataset) -> Images:
    """Return the PSNR of every test image of each run, in the order of the images."""
    ordered = dataset.results.images.sort_values(["run_id", "image"], kind="stable")
    return {
        run_id: group.to_numpy(dtype=np.float64)
        for run_id, group in ordered.groupby("run_id", sort=False)["psnr"]
    }


def common_noise(a: Dataset, b: Dataset, pairs: Sequence[Pair], measure: Measure) -> Noise:
    """Return the larger of the noises of both folders that count for the runs of B."""
    runs = pd.DataFrame([pair.b for pair in pairs])
    found = [each.floor.noise_of(measure.floor, runs) for each in (a, b)]
    return max((each for each in found if each.known), key=lambda each: each.floor, default=Noise())


def slowdown_of_machine(pairs: Sequence[Pair]) -> float:
    """Return ln(B/A) of the calibrations of pairs, their mean; NaN where there is none."""
    logs = [
        math.log(pair.b[name] / pair.a[name])
        for pair in pairs
        for name in ("calibration_before", "calibration_after")
        if pair.a[name] > 0 and pair.b[name] > 0
    ]
    return float(np.mean(logs)) if logs else math.nan


def _on_noise(context: Context, pairs: Sequence[Pair]) -> list[str]:
    """Return what is known of the noise of times, a sentence each."""
    lines = [_floors(context.floors)]
    if disturbed := sum(pair.disturbed for pair in pairs):
        left_out = counted(disturbed, "pair")
        lines.append(f"{left_out} with a disturbed run left out of the times (see the reports)")
    lines.append(_on_machine(100 * math.expm1(context.slower)))
    return lines


def _on_machine(percent: float) -> str:
    """Return how much slower the machine was in B, in percent, by its calibrations."""
    if math.isnan(percent):
        return "no calibration is known: a slower machine would look like slower code"
    if abs(percent) < 0.05:
        return "the machine was as fast in B as in A by its calibration"
    slower = "slower" if percent > 0 else "faster"
    shown = f"{abs(percent):.1f} % {slower} in B by its calibration"
    return f"the machine was {shown}; the intervals allow for it"


def _floors(floors: Mapping[Measure, Noise]) -> str:
    shown = (measures.TRAINING_STEP, measures.RECONSTRUCTION)
    known = [
        f"{100 * floors[each].floor:.2g} % ({each.name})" for each in shown if floors[each].known
    ]
    if not known:
        return "no noise floor was measured for these runs: `bench doctor` measures one"
    return f"noise floor of one run: {', '.join(known)}"
