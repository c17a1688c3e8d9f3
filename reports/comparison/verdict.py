"""Which changes are regressions: worse than the user allows, and not noise."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from bench.errors import UserError
from bench.records import COMPLETED
from reports.comparison import measures
from reports.comparison.changes import ALL, Change, Group
from reports.comparison.matching import Pair, run_name
from reports.format import NONE, printable

_ROUNDING = 1e-9  # 34.0 - 33.9 is a little more than 0.1


@dataclass(frozen=True)
class Limits:
    """How much worse B may be; UserError if a limit is not a sensible number."""

    psnr_drop: float = 0.1
    slowdown: float = 1.10
    memory: float = 1.05

    def __post_init__(self) -> None:
        """Refuse a drop below 0 and a ratio below 1."""
        for name, least in (("psnr_drop", 0), ("slowdown", 1), ("memory", 1)):
            value = getattr(self, name)
            if not math.isfinite(value) or value < least:
                option = f"--max-{name.replace('_', '-')}"
                raise UserError(f"{option}: {value:g} is not a number of at least {least:g}")


def regressions(found: Sequence[Change], pairs: Sequence[Pair], limits: Limits) -> list[str]:
    """Return a line per regression: newly failed runs, then groups of runs that became worse."""
    failed = [pair for pair in pairs if pair.a["status"] == COMPLETED != pair.b["status"]]
    worse = [change for change in found if is_regression(change, limits)]
    return [
        *map(_failure, failed),
        *(f"{_name(each.group)}: {_worse(each, limits)}{_phases(each, found)}" for each in worse),
    ]


def is_regression(change: Change, limits: Limits) -> bool:
    """Whether the change of a group is beyond its limit; all groups together are only shown."""
    if change.group == ALL:
        return False
    value = change.change.estimate
    if change.measure is measures.PSNR:
        return value < -limits.psnr_drop - _ROUNDING
    if change.measure is measures.MEMORY:
        return value > limits.memory + _ROUNDING
    judged = change.measure in (measures.TRAINING_STEP, measures.RECONSTRUCTION)
    return judged and value > limits.slowdown + _ROUNDING and not change.within_noise


def _name(group: Group) -> str:
    problem, size, _, layer, method = group
    return f"{printable(problem)} {size} {printable(layer) or NONE} {method}"


def _failure(pair: Pair) -> str:
    message = printable(pair.b["message"], 60)
    reason = f" ({message})" if message else ""
    return f"{run_name(pair.b)} seed {pair.b['seed']}: completed → {pair.b['status']}{reason}"


def _phases(change: Change, found: Sequence[Change]) -> str:
    """Return which phase of a slower training step it is, where phases were measured."""
    if change.measure is not measures.TRAINING_STEP:
        return ""
    phases = [
        f"{each.measure.name} × {each.change.estimate:.2f}"
        for each in found
        if each.group == change.group and each.measure in (measures.FORWARD, measures.BACKWARD)
    ]
    return f" ({', '.join(phases)})" if phases else ""


def _worse(change: Change, limits: Limits) -> str:
    value, name = change.change.estimate, change.measure.name
    if change.measure is measures.PSNR:
        return f"PSNR {value:+.2f} dB, more than {limits.psnr_drop:g} dB down"
    limit = limits.memory if change.measure is measures.MEMORY else limits.slowdown
    return f"{name} × {value:.2f}, more than × {limit:g}"
