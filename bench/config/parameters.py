"""Parameters with a range: the fields of methods, problems, layers and settings.

    steps: int = parameter(5, at_least=1)
    solver: str = parameter("gmres", one_of=("gmres", "anderson"))

The range is kept in the field's metadata, and checked when a configuration is composed. A subclass
that gives a field another default keeps its range.
"""

from __future__ import annotations

import dataclasses
import math
from typing import Any, TypeVar

from bench.errors import suggestion

T = TypeVar("T")


def parameter(
    default: T,
    *,
    at_least: float | None = None,
    above: float | None = None,
    at_most: float | None = None,
    below: float | None = None,
    odd: bool = False,
    finite: bool = True,
    one_of: tuple[T, ...] = (),
) -> T:
    """A dataclass field with this default; a number must be finite and lie in the range.

    finite=False: infinity is in the range too; one_of: the values, in place of a range.
    """
    range_ = _Range(at_least, above, at_most, below, odd, finite, one_of)
    field: Any = dataclasses.field(default=default, metadata={"range": range_})
    value: T = field
    return value


def check_parameters(instance: Any) -> None:
    """Raise ValueError, naming the parameter, for the first value that is out of its range."""
    for field in dataclasses.fields(instance):
        range_, value = _range_of(type(instance), field.name), getattr(instance, field.name)
        if range_ is None or value is None:
            continue
        if reason := range_.objection(value):
            raise ValueError(f"{field.name}={value}: {reason}")


@dataclasses.dataclass(frozen=True)
class _Range:
    """The limits of one parameter; None for a limit that it does not have."""

    at_least: float | None
    above: float | None
    at_most: float | None
    below: float | None
    odd: bool
    finite: bool
    one_of: tuple[Any, ...]

    def objection(self, value: Any) -> str:
        """What is wrong with the value; empty if nothing is."""
        if self.one_of:
            return "" if value in self.one_of else _choice(value, self.one_of)
        if self.finite and not _is_finite(value):
            return "must be a finite number"
        return "" if self._holds(value) else f"must be {self._wording()}"

    def _holds(self, value: float) -> bool:
        # Written so that NaN, of which every comparison is false, is in no range.
        return (
            (self.at_least is None or value >= self.at_least)
            and (self.above is None or value > self.above)
            and (self.at_most is None or value <= self.at_most)
            and (self.below is None or value < self.below)
            and (not self.odd or value % 2 == 1)
        )

    def _wording(self) -> str:
        if self.at_least is not None and self.at_most is not None:
            return f"from {self.at_least} to {self.at_most}"
        if self.above is not None and self.below is not None:
            return f"between {self.above} and {self.below}"
        words = {
            "at least": self.at_least,
            "greater than": self.above,
            "at most": self.at_most,
            "less than": self.below,
        }
        limits = [f"{word} {limit}" for word, limit in words.items() if limit is not None]
        return " and ".join(["odd", *limits] if self.odd else limits)


def _is_finite(value: float) -> bool:
    try:
        return math.isfinite(value)
    except OverflowError:  # a whole number beyond every float
        return False


def _choice(value: Any, known: tuple[Any, ...]) -> str:
    if isinstance(value, str):
        return suggestion(value, known)
    return f"must be {' or '.join(map(str, known))}"


def _range_of(cls: type[Any], name: str) -> _Range | None:
    """The range that the class, or the nearest of its bases with one, gives the field."""
    for base in cls.__mro__:
        field = vars(base).get("__dataclass_fields__", {}).get(name)
        if field is not None and "range" in field.metadata:
            range_: _Range = field.metadata["range"]
            return range_
    return None
