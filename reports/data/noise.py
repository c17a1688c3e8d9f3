"""The noise floor of an experiment, and which times it cannot tell apart."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

MARK = "≈"
UNKNOWN = (
    "The noise floor of this machine was not measured: small differences in time may be noise."
)


def noise_floor(experiment: Mapping[str, Any]) -> float:
    """Return the relative difference below which two single executions are alike; NaN: unknown."""
    said = experiment.get("noise_floor")
    value = said.get("relative") if isinstance(said, dict) else None
    usable = isinstance(value, int | float) and not isinstance(value, bool)
    return float(value) if usable and 0 <= value < 10 else math.nan  # type: ignore[arg-type,operator]


def like_the_best(values: Sequence[float], seeds: Sequence[int], floor: float) -> list[bool]:
    """Return which values (seconds, means over `seeds`) noise cannot tell from the least of them.

    The floor of a mean over n seeds is that of one execution over √n. Where no other value is
    near the least, the least is not marked either.
    """
    known = [value for value in values if math.isfinite(value) and value > 0]
    if not known or not math.isfinite(floor):
        return [False] * len(values)
    best = min(known)
    near = [
        math.isfinite(value) and 0 < value <= best * (1 + floor / math.sqrt(max(count, 1)))
        for value, count in zip(values, seeds, strict=True)
    ]
    return near if sum(near) > 1 else [False] * len(values)


def said_of_noise(experiment: Mapping[str, Any]) -> str:
    """Return the floor in a sentence, or that it is unknown."""
    floor = noise_floor(experiment)
    if not math.isfinite(floor):
        return UNKNOWN
    pairs = experiment["noise_floor"].get("pairs")
    how = f" in {pairs} interleaved pairs" if isinstance(pairs, int) else ""
    return (
        f"Two executions of the same run, made{how} before the grid, differ in time by less than "
        f"{100 * floor:.1f} % in 95 of 100 cases; over n seeds divided by √n. {MARK} marks times "
        "that this cannot tell from the best of their column."
    )
