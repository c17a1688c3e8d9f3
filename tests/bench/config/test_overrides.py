from __future__ import annotations

import json
import math
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

import pytest

from bench.config.overrides import compose_config
from bench.config.plain import from_plain, to_plain
from bench.config.settings import RunConfig, TrainConfig, validate
from bench.errors import UserError
from bench.registry import register_method
from tests.bench.conftest import Degrad, Deprox, Motion, Natural, Phantom

pytestmark = pytest.mark.usefixtures("registered")


class Mode(Enum):
    FAST = 1
    SLOW = 2


BASE = ("method=phantom", "problem=motion")


def refusal(*overrides: str) -> str:
    with pytest.raises(UserError) as caught:
        compose_config([*BASE, *overrides])
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_defaults_and_groups() -> None:
    config = compose_config(BASE)
    assert config == RunConfig(Phantom(), Motion(), Degrad(), Natural())
    assert isinstance(config.train, TrainConfig)


def test_overrides_reach_every_level_and_the_later_wins() -> None:
    method = ("method.steps=7", "method.weights=[3,4]")
    layer = ("layer=deprox", "layer.features=8")
    training = ("train.steps=2", "train.steps=3", "forward.tolerance=1e-6")
    config = compose_config([*BASE, *method, *layer, *training])
    assert config.layer == Deprox(features=8)
    assert config.train.steps == 3
    assert config.method == Phantom(steps=7, weights=(3.0, 4.0))
    assert config.forward.tolerance == 1e-6


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("train.step=3", "unknown setting 'train.step': did you mean 'train.steps'?"),
        ("trian.steps=3", "unknown setting 'trian.steps': did you mean 'train.steps'?"),
        ("method.step=3", "unknown setting 'method.step': did you mean 'method.steps'?"),
        ("train.steps.x=3", "unknown setting"),
        ("hydra.verbose=true", "unknown setting 'hydra.verbose'"),
        ("train.steps=abc", "train.steps: 'abc' is not an int"),
        ("train.steps=1.5", "train.steps: '1.5' is not an int"),
        ("train.steps=null", "train.steps: a value is needed"),
        ("memory_pass=perhaps", "memory_pass: 'perhaps' is not a bool"),
        ("method.weights=[a]", "method.weights[0]: 'a' is not a float"),
        ("layer=degrd", "unknown layer 'degrd': did you mean 'degrad'?"),
        ("images=[1]", "unknown images '[1]'"),
        ("train=3", "'train' is a group of settings"),
        ("+train.more=3", "not added or removed"),
        ("~seed", "settings are KEY=VALUE"),
        ("layer@train=deprox", "not added or removed"),
        ("train.steps=((", "cannot read the setting 'train.steps=(('"),
        ("train.steps=1,2", "several values"),
        ("seed=${nowhere}", "seed: Interpolation key 'nowhere' not found"),
        ("seed=???", "seed: a value is needed"),
    ],
)
def test_bad_settings_are_one_line_with_the_nearest_name(override: str, expected: str) -> None:
    assert expected in refusal(override)


@pytest.mark.parametrize(
    ("override", "expected"),
    [
        ("problem.size=20", "size 20 is smaller than the blur kernel (21 pixels)"),
        ("problem.size=15", "size 15: must be from 16 to 512"),
        ("problem.size=513", "size 513: must be from 16 to 512"),
        ("train.steps=0", "train.steps=0: must be at least 1"),
        ("train.batch_size=0", "train.batch_size=0: must be at least 1"),
        ("seed=-1", "seed=-1: must be at least 0"),
        ("timeout_seconds=-1", "timeout_seconds=-1"),
        ("train.learning_rate=0", "train.learning_rate=0"),
        ("train.learning_rate=nan", "must be a finite number"),
        ("forward.tolerance=inf", "must be a finite number"),
        ("forward.solver=andersen", "did you mean 'anderson'?"),
        ("device=gpu", "unknown device 'gpu'"),
    ],
)
def test_values_out_of_range_are_refused(override: str, expected: str) -> None:
    assert expected in refusal(override)


def test_the_limits_themselves_are_accepted() -> None:
    for override in ("problem.size=21", "problem.size=512", "train.steps=1", "device=cuda:1"):
        compose_config([*BASE, override])


def test_a_class_checks_its_own_parameters() -> None:
    with pytest.raises(UserError, match="method 'tv': weight must not be negative"):
        compose_config(["method=tv", "problem=motion", "method.weight=-1"])


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


def test_validate_reads_nested_numbers() -> None:
    with pytest.raises(UserError, match="finite"):
        validate(RunConfig(Phantom(), Motion(), train=TrainConfig(learning_rate=math.nan)))


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
