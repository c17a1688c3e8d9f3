"""The values of a swept setting, and how large a grid may become: counted before it is made."""

from __future__ import annotations

import math
from collections.abc import Iterator
from fractions import Fraction

from hydra.core.override_parser.types import ChoiceSweep, Override, RangeSweep

from bench.errors import UserError

LARGEST_GRID = 100_000  # runs; a run takes a second at least, so this is more than a day


def require_grid(count: int, of_what: str) -> None:
    """Raise UserError if the runs, or the values of a setting, are more than LARGEST_GRID."""
    if count > LARGEST_GRID:
        written = f"{count:,}" if count < 10**15 else f"about 10^{int(math.log10(count))}"
        raise UserError(f"too many {of_what}: {written} (at most {LARGEST_GRID:,})")


def values_of(override: Override) -> Iterator[str]:
    """The values as written, in Hydra's override grammar; UserError if they are too many."""
    if not override.is_sweep_override():
        yield override.input_line.split("=", 1)[1] if override.input_line else ""
        return
    require_grid(_count(override), f"values of {override.key_or_group}")
    yield from override.sweep_string_iterator()


def _count(override: Override) -> int:
    """How many values a sweep has; 0 for one that cannot be enumerated."""
    sweep = override._value
    if isinstance(sweep, ChoiceSweep):
        return len(sweep.list)
    return _length(override.key_or_group, sweep) if isinstance(sweep, RangeSweep) else 0


def _length(key: str, sweep: RangeSweep) -> int:
    limits = (sweep.start or 0, sweep.stop or 0, sweep.step)
    try:
        start, stop, step = map(Fraction, limits)  # exact, where floats would overflow
        return max(math.ceil((stop - start) / step), 0)
    except (ArithmeticError, ValueError) as error:  # infinite, not a number, or a step of 0
        raise UserError(f"{key}: a range needs finite limits and a step other than 0") from error
