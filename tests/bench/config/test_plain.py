"""Configurations as plain values: stored, and back."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest

from bench.config.overrides import compose_config
from bench.config.plain import from_plain, parameters_of, to_plain
from bench.config.settings import RunConfig
from bench.errors import UserError
from bench.registry import register_method
from tests.bench.conftest import Motion, Natural, Phantom

pytestmark = pytest.mark.usefixtures("registered")
BASE = ("method=phantom", "problem=motion")


class Mode(Enum):
    FAST = 1
    SLOW = 2


def test_plain_form_survives_json_and_comes_back_equal() -> None:
    config = compose_config([*BASE, "method.weights=[3]", "seed=4", "train.learning_rate=0.5"])
    plain = json.loads(json.dumps(to_plain(config), allow_nan=False))
    assert plain["method"] == {
        "name": "phantom",
        "parameters": {"steps": 5, "damping": 0.5, "weights": [3.0]},
    }
    assert from_plain(plain) == config


def test_plain_form_without_a_layer() -> None:
    plain = to_plain(RunConfig(Phantom(), Motion(), None, Natural()))
    assert plain["layer"] is None
    assert from_plain(plain).layer is None


def test_a_stored_configuration_of_another_version_is_refused() -> None:
    plain = to_plain(compose_config(BASE))
    with pytest.raises(UserError, match="did you mean 'seed'"):
        from_plain({**plain, "seeds": 3})
    plain["method"]["parameters"]["stepz"] = 1
    with pytest.raises(UserError, match="stepz"):
        from_plain(plain)


@dataclass(frozen=True)
class Schedule:
    """Nested."""

    decay: float = 0.5


@dataclass(frozen=True)
class Scheduled:
    """A method with nested parameters."""

    schedule: Schedule = field(default_factory=Schedule)
    table: dict[str, int] = field(default_factory=lambda: {"a": 1})
    mode: Mode = Mode.FAST
    path: Path | None = None


def test_nested_parameters_are_set_checked_and_stored() -> None:
    register_method("scheduled")(Scheduled)
    base = ("method=scheduled", "problem=motion")
    nested = ("method.schedule.decay=0.25", "method.table.a=3", "method.mode=SLOW", "method.path=x")
    config = compose_config([*base, *nested])
    assert config.method == Scheduled(Schedule(0.25), {"a": 3}, Mode.SLOW, Path("x"))
    assert from_plain(json.loads(json.dumps(to_plain(config)))) == config
    with pytest.raises(UserError, match=r"did you mean 'method\.schedule\.decay'"):
        compose_config([*base, "method.schedule.dekay=1"])


@dataclass
class Unhashable:
    """A method of a plug-in that may be changed."""

    table: dict[str, int] = field(default_factory=lambda: {"a": 1})


def test_parameters_are_those_of_now_and_nobody_can_change_what_is_kept() -> None:
    method = Unhashable()
    assert parameters_of(method) == {"table": {"a": 1}}
    method.table["a"] = 2
    assert parameters_of(method) == {"table": {"a": 2}}
    parameters_of(Phantom())["steps"] = 9
    assert parameters_of(Phantom())["steps"] == 5
