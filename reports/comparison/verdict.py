"""Which changes are better or worse, which the same, and what fails a comparison by itself."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UserError
from bench.records import COMPLETED
from reports.comparison import measures
from reports.comparison.changes import Change, Group
from reports.comparison.matching import Matching, Pair, Run, named_runs, run_name
from reports.format import NONE, printable
from reports.stats import verdicts
from reports.stats.intervals import LEVEL

FEWEST_PAIRS = 2
JUDGED = (measures.PSNR, measures.TRAINING_STEP, measures.RECONSTRUCTION, measures.MEMORY)


@dataclass(frozen=True)
class Limits:
    """How much worse B may be; UserError if a limit is not a sensible number."""

    psnr_drop: float = 0.1
    slowdown: float = 1.05
    memory: float = 1.05

    def __post_init__(self) -> None:
        """Refuse a drop below 0 and a ratio below 1."""
        for name, least in (("psnr_drop", 0), ("slowdown", 1), ("memory", 1)):
            value = getattr(self, name)
            if not math.isfinite(value) or value < least:
                option = f"--max-{name.replace('_', '-')}"
                raise UserError(f"{option}: {value:g} is not a number of at least {least:g}")

    def of(self, measure: measures.Measure) -> float:
        """The limit of a difference, of ratios that of their logarithm."""
        if measure is measures.PSNR:
            return self.psnr_drop
        return math.log(self.memory if measure is measures.MEMORY else self.slowdown)


@dataclass(frozen=True)
class Judged:
    """A change with its verdict, "" for one that is only shown.

    seeds: with which an inconclusive change would be decided (inf: more than 100, or no number of
    seeds; NaN: unknown).
    """

    change: Change
    verdict: str = ""
    seeds: float = math.nan


def judge(found: Sequence[Change], limits: Limits) -> list[Judged]:
    """Return the changes with their verdicts, which together are wrong in at most 5 %."""
    level = verdicts.together(sum(each.measure in JUDGED for each in found))
    return [_judged(each, limits, level) for each in found]


def _judged(change: Change, limits: Limits, level: float) -> Judged:
    if change.measure not in JUDGED:
        return Judged(change)
    limit, interval = limits.of(change.measure), change.change(LEVEL)
    verdict = verdicts.verdict(interval, change.change(level), limit)
    if change.measure is not measures.PSNR:
        verdict = verdicts.opposite(verdict)
    if change.pairs < FEWEST_PAIRS and change.measure is not measures.MEMORY:
        verdict = verdicts.INCONCLUSIVE  # one ratio tells nothing of its own noise
    if verdict != verdicts.INCONCLUSIVE:
        return Judged(change, verdict)
    seeds = verdicts.seeds_needed(change.margin, interval.estimate, limit, level)
    return Judged(change, verdict, seeds)


def failures(matching: Matching, damaged: Sequence[str] = ()) -> list[str]:
    """Return what fails a comparison without any statistics, a line each.

    Runs that A has and B lacks, that completed in A and not in B, and whose PSNR is no number.
    A run that B has as a damaged record is named as such, and not as missing.
    """
    missing: dict[str, list[Run]] = {}
    for run in matching.missing:
        if not any(f"{run['run_id']}/" in message for message in damaged):
            missing.setdefault(run_name(run), []).append(run)
    lines = [f"missing in B: {named_runs(runs)}" for runs in missing.values()]
    for pair in matching.pairs:
        if pair.a["status"] == COMPLETED != pair.b["status"]:
            lines.append(_failed(pair))
        elif pair.completed and math.isfinite(pair.a["psnr"]) and not math.isfinite(pair.b["psnr"]):
            lines.append(f"{run_name(pair.b)} seed {pair.b['seed']}: its PSNR is not a number")
    return lines


def described(judged: Judged, limits: Limits, found: Sequence[Change]) -> str:
    """Return a line on a change: what it is, its interval, and what the verdict needs."""
    change = judged.change
    line = f"{_name(change.group)}: {_change(change)}"
    if judged.verdict == verdicts.INCONCLUSIVE:
        return f"{line}: {_needed(judged)}"
    limit = (
        limits.psnr_drop if change.measure is measures.PSNR else math.exp(limits.of(change.measure))
    )
    unit = " dB" if change.measure is measures.PSNR else ""
    ratio = "" if change.measure is measures.PSNR else "× "
    return f"{line}, limit {ratio}{limit:g}{unit}{_phases(change, found)}"


def _change(change: Change) -> str:
    value, name = change.interval, change.measure.name
    if change.measure is measures.PSNR:
        bounds = f" [{value.low:+.2f}, {value.high:+.2f}]" if value.known else ""
        return f"PSNR {value.estimate:+.2f} dB{bounds}"
    bounds = f" [{value.low:.2f}, {value.high:.2f}]" if value.known else ""
    return f"{name} × {value.estimate:.2f}{bounds}"


def _needed(judged: Judged) -> str:
    if judged.change.pairs < FEWEST_PAIRS or not judged.change.interval.known:
        return "too few seeds"
    if math.isnan(judged.seeds):
        return "more seeds are needed"
    if math.isinf(judged.seeds):
        images = judged.change.measure is measures.PSNR
        return f"more than {verdicts.MOST_SEEDS} seeds{' or more test images' if images else ''}"
    return f"about {judged.seeds:.0f} seeds would decide it"


def _name(group: Group) -> str:
    problem, size, _, layer, method = group
    return f"{printable(problem)} {size} {printable(layer) or NONE} {method}"


def _failed(pair: Pair) -> str:
    message = printable(pair.b["message"], 60)
    reason = f" ({message})" if message else ""
    return f"{run_name(pair.b)} seed {pair.b['seed']}: completed → {pair.b['status']}{reason}"


def _phases(change: Change, found: Sequence[Change]) -> str:
    """Return which phase of a slower training step it is, where phases were measured."""
    if change.measure is not measures.TRAINING_STEP:
        return ""
    phases = [
        f"{each.measure.name} × {each.interval.estimate:.2f}"
        for each in found
        if each.group == change.group and each.measure in (measures.FORWARD, measures.BACKWARD)
    ]
    return f" ({', '.join(phases)})" if phases else ""
