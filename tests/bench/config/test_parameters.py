"""Ranges of parameters: every kind of limit, and what an error says."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import pytest

from bench.config.parameters import check_parameters, parameter

HUGE = pytest.param(10**400, id="an integer beyond every float")


@dataclass(frozen=True)
class Limited:
    """One parameter for each kind of limit."""

    steps: int = parameter(5, at_least=1)
    tolerance: float = parameter(1e-3, above=0)
    momentum: float = parameter(0.5, at_most=1)
    damping: float = parameter(0.5, at_least=0, at_most=1)
    step_size: float = parameter(0.5, above=0, at_most=2)
    rate: float = parameter(1.0)
    weight: float | None = parameter(None, at_least=0)
    solver: str = parameter("gmres", one_of=("gmres", "anderson"))
    free: float = 1.0


def refusal(**values: Any) -> str:
    with pytest.raises(ValueError, match="=") as caught:
        check_parameters(replace(Limited(), **values))
    return str(caught.value)


@pytest.mark.parametrize(
    "values",
    [
        {},
        {"steps": 1},
        {"tolerance": 1e-300},
        {"momentum": 1, "damping": 0},
        {"momentum": -1e300, "damping": 1},
        {"step_size": 2},
        {"weight": 0.0},
        {"weight": None},
        {"solver": "anderson"},
        {"rate": -1e300},
        {"free": math.nan},
    ],
)
def test_the_limits_themselves_and_what_lies_within_are_accepted(values: dict[str, Any]) -> None:
    check_parameters(replace(Limited(), **values))


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("steps", 0, "steps=0: must be at least 1"),
        ("steps", -(10**9), "steps=-1000000000: must be at least 1"),
        ("tolerance", 0, "tolerance=0: must be greater than 0"),
        ("tolerance", -1.5, "tolerance=-1.5: must be greater than 0"),
        ("momentum", 1.01, "momentum=1.01: must be at most 1"),
        ("damping", -0.1, "damping=-0.1: must be from 0 to 1"),
        ("damping", 1.1, "damping=1.1: must be from 0 to 1"),
        ("step_size", 0.0, "step_size=0.0: must be greater than 0"),
        ("step_size", 2.5, "step_size=2.5: must be at most 2"),
        ("weight", -1, "weight=-1: must be at least 0"),
        ("solver", "andersen", "solver=andersen: did you mean 'anderson'?"),
        ("solver", "x", "solver=x: known are anderson, gmres"),
    ],
)
def test_what_is_out_of_range_is_named_with_its_range(name: str, value: Any, reason: str) -> None:
    assert refusal(**{name: value}) == reason


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, HUGE])
@pytest.mark.parametrize("name", ["steps", "tolerance", "momentum", "damping", "rate", "weight"])
def test_numbers_must_be_finite(name: str, value: float) -> None:
    assert refusal(**{name: value}) == f"{name}={value}: must be a finite number"


def test_the_first_of_several_is_named() -> None:
    assert refusal(solver="x", tolerance=0, steps=0).startswith("steps=0")


def test_defaults_are_those_that_are_written() -> None:
    assert Limited().steps == 5
    assert Limited().weight is None
