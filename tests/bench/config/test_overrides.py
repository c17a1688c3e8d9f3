"""KEY=VALUE settings: what they reach, and the one line that a mistake gets."""

from __future__ import annotations

import re
from dataclasses import dataclass

import pytest

from bench.config.overrides import compose_config, compose_section
from bench.config.parameters import parameter
from bench.config.settings import RunConfig, TrainConfig
from bench.errors import UserError
from tests.bench.conftest import Degrad, Deprox, Motion, Natural, Phantom

pytestmark = pytest.mark.usefixtures("registered")


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
        ("train.steps=null", "train.steps: a value is required"),
        ("memory_pass=perhaps", "memory_pass: 'perhaps' is not a bool"),
        ("method.weights=[a]", "method.weights[0]: 'a' is not a float"),
        ("layer=degrd", "unknown layer 'degrd': did you mean 'degrad'?"),
        ("images=[1]", "unknown images '[1]'"),
        ("train=3", "'train' is a group of settings"),
        ("+train.more=3", "without a prefix"),
        ("~seed", "write KEY=VALUE"),
        ("layer@train=deprox", "without a prefix"),
        ("train.steps=((", "cannot read the setting 'train.steps=(('"),
        ("train.steps=1,2", "only one value"),
        ("seed=${nowhere}", "seed: Interpolation key 'nowhere' not found"),
        ("seed=???", "seed: a value is required"),
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
        pytest.param(f"train.steps={10**400}", "must be a finite number", id="huge int"),
        pytest.param(
            f"train.learning_rate={10**400}",
            "train.learning_rate: must be a finite number",
            id="huge float",
        ),
        ("forward.solver=andersen", "did you mean 'anderson'?"),
        ("forward.start=previos", "did you mean 'previous'?"),
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


@dataclass(frozen=True)
class Jobs:
    """A section that is no part of a run."""

    partition: str = ""
    gpus: int = parameter(0, at_least=0)


def test_a_section_of_its_own_is_made_of_its_settings() -> None:
    assert compose_section(Jobs, "jobs", []) == Jobs()
    given = ["jobs.gpus=1", "jobs.partition=007", "jobs.gpus=2"]
    assert compose_section(Jobs, "jobs", given) == Jobs("007", 2)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("jobs.gpu=1", "unknown setting 'jobs.gpu': did you mean 'jobs.gpus'?"),
        ("jobs.gpus=-1", "jobs.gpus=-1: must be at least 0"),
        ("jobs.gpus=one", "jobs.gpus: 'one' is not an int"),
        ("jobs.gpus=1,2", "only one value"),
    ],
)
def test_mistakes_in_a_section_are_named_with_its_prefix(setting: str, expected: str) -> None:
    with pytest.raises(UserError, match=re.escape(expected)):
        compose_section(Jobs, "jobs", [setting])
