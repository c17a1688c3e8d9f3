"""Ranges of parameters: what is refused, and in what words."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import pytest

from bench.config.parameters import check_parameters, parameter


@dataclass(frozen=True)
class Example:
    """One field for each kind of range."""

    steps: int = parameter(5, at_least=1)
    tolerance: float = parameter(1e-3, above=0)
    damping: float = parameter(0.5, above=0, at_most=1)
    fraction: float = parameter(0.8, above=0, below=1)
    noise: float = parameter(0.0, at_least=0, at_most=1)
    side: int = parameter(3, at_least=3, odd=True)
    fallback: float = parameter(1.3, above=0, finite=False)
    solver: str = parameter("gmres", one_of=("gmres", "anderson"))
    channels: int = parameter(1, one_of=(1, 3))
    limit: int | None = parameter(None, at_least=1)
    weight: float = parameter(1.0)
    free: float = 0.0


REFUSED: list[tuple[str, Any, str]] = [
    ("steps", 0, "must be at least 1"),
    ("tolerance", 0.0, "must be greater than 0"),
    ("tolerance", math.nan, "must be a finite number"),
    ("tolerance", math.inf, "must be a finite number"),
    ("damping", 0.0, "must be greater than 0 and at most 1"),
    ("damping", 1.1, "must be greater than 0 and at most 1"),
    ("fraction", 0.0, "must be between 0 and 1"),
    ("fraction", 1.0, "must be between 0 and 1"),
    ("noise", -0.1, "must be from 0 to 1"),
    ("noise", 1.1, "must be from 0 to 1"),
    ("side", 4, "must be odd and at least 3"),
    ("side", 1, "must be odd and at least 3"),
    ("fallback", math.nan, "must be greater than 0"),
    ("fallback", -math.inf, "must be greater than 0"),
    ("solver", "gmress", "did you mean 'gmres'?"),
    ("solver", "newton", "choose from anderson, gmres"),
    ("channels", 2, "must be 1 or 3"),
    ("limit", 0, "must be at least 1"),
]


@pytest.mark.parametrize(("name", "value", "reason"), REFUSED)
def test_value_out_of_range_is_refused_in_words(name: str, value: Any, reason: str) -> None:
    with pytest.raises(ValueError, match="=") as refused:
        check_parameters(Example(**{name: value}))
    assert str(refused.value) == f"{name}={value}: {reason}"


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"steps": 1, "damping": 1.0, "noise": 1.0, "side": 5, "solver": "anderson"},
        {"fallback": math.inf, "channels": 3, "limit": 1, "free": math.nan},
    ],
)
def test_values_at_the_limits_are_accepted(values: dict[str, Any]) -> None:
    check_parameters(Example(**values))


@dataclass(frozen=True)
class OtherDefaults(Example):
    """A plug-in that gives fields other defaults, and one of them another range."""

    steps: int = 2
    damping: float = parameter(2.0, at_most=3)


def test_subclass_with_another_default_keeps_the_range() -> None:
    with pytest.raises(ValueError, match=r"^steps=0: must be at least 1$"):
        check_parameters(OtherDefaults(steps=0))
    check_parameters(OtherDefaults())
    check_parameters(OtherDefaults(damping=-1.0))
    with pytest.raises(ValueError, match=r"^damping=4\.0: must be at most 3$"):
        check_parameters(OtherDefaults(damping=4.0))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, pytest.param(10**400, id="huge")])
@pytest.mark.parametrize("name", ["steps", "tolerance", "damping", "noise", "weight", "limit"])
def test_numbers_must_be_finite(name: str, value: float) -> None:
    with pytest.raises(ValueError, match="must be a finite number"):
        check_parameters(Example(**{name: value}))


def test_the_first_of_several_is_named() -> None:
    with pytest.raises(ValueError, match=r"^steps=0: "):
        check_parameters(Example(steps=0, tolerance=0, solver="x"))
