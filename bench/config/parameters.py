"""Parameters with a range: the fields of methods, problems, layers and settings.

    steps: int = parameter(5, at_least=1)
    solver: str = parameter("gmres", one_of=("gmres", "anderson"))

The range is kept in the field's metadata, and checked when a configuration is composed.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from typing import Any, TypeVar

from bench.errors import suggestion

T = TypeVar("T")


def parameter(
    default: T,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    one_of: tuple[str, ...] = (),
) -> T:
    """A dataclass field with this default; numbers must be finite and lie in the range."""
    limits = {"at_least": at_least, "above": above, "at_most": at_most, "one_of": one_of or None}
    field: Any = dataclasses.field(default=default, metadata={"limits": limits})
    value: T = field
    return value


def check_parameters(instance: Any) -> None:
    """Raise ValueError, naming the parameter, for the first value that is out of its range."""
    for reason in _out_of_range(instance):
        raise ValueError(reason)


def _out_of_range(instance: Any) -> Iterator[str]:
    for field in dataclasses.fields(instance):
        limits, value = field.metadata.get("limits"), getattr(instance, field.name)
        if limits is None or value is None:
            continue
        if reason := _reason(value, **limits):
            yield f"{field.name}={value}: {reason}"


def _reason(
    value: Any,
    at_least: float | None,
    above: float | None,
    at_most: float | None,
    one_of: tuple[str, ...] | None,
) -> str:
    """What is wrong with the value; empty if nothing is."""
    if one_of is not None:
        return "" if value in one_of else suggestion(str(value), one_of)
    if not _is_finite(value):
        return "must be a finite number"
    if at_least is not None and at_most is not None and not at_least <= value <= at_most:
        return f"must be from {at_least} to {at_most}"
    if at_least is not None and value < at_least:
        return f"must be at least {at_least}"
    if at_most is not None and value > at_most:
        return f"must be at most {at_most}"
    if above is not None and value <= above:
        return f"must be greater than {above}"
    return ""


def _is_finite(value: Any) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False
