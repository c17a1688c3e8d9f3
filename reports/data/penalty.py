"""What executing several runs at a time cost each of them, as the experiment states it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any


def penalty_notes(experiment: Mapping[str, Any]) -> list[str]:
    """Return a sentence on the measured penalty and what was decided by it, where it is known."""
    stated = experiment.get("concurrency")
    if not isinstance(stated, Mapping) or not isinstance(penalty := stated.get("penalty"), Mapping):
        return []
    names = ("at_a_time", "relative", "low", "high")
    count, relative, low, high = (_number(penalty.get(name)) for name in names)
    if not all(map(math.isfinite, (count, relative, low, high))):
        return []
    return [
        f"{count:g} runs at a time changed the time of a training step by {100 * relative:+.1f} %, "
        f"the median of alternating rounds before the grid (95 % interval {100 * low:+.1f} % to "
        f"{100 * high:+.1f} %){_decision(stated, relative)}."
    ]


def _decision(stated: Mapping[str, Any], relative: float) -> str:
    """Return what followed from the penalty; nothing where the user had decided."""
    chosen, limit = _number(stated.get("at_a_time")), _number(stated.get("limit"))
    if not math.isfinite(limit) or not math.isfinite(chosen):
        return ""
    runs = f"{chosen:g} runs executed" if chosen > 1 else "one run executed"
    side = "below" if relative <= limit else "above"
    return f", {side} the limit of {100 * limit:.1f} %: {runs} at a time"


def _number(value: object) -> float:
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable else math.nan  # type: ignore[arg-type]
