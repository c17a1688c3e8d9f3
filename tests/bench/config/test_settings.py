"""The ranges of all settings of a run, and the rules that hold between them."""

from __future__ import annotations

import math

import pytest

from bench.config.settings import RunConfig, TrainConfig, validate
from bench.errors import UserError
from tests.bench.conftest import Degrad, Motion, Natural, Phantom

pytestmark = pytest.mark.usefixtures("registered")
BASE = ("method=phantom", "problem=motion")


def test_validate_reads_nested_numbers() -> None:
    with pytest.raises(UserError, match="finite"):
        validate(RunConfig(Phantom(), Motion(), train=TrainConfig(learning_rate=math.nan)))


def test_the_defaults_are_valid() -> None:
    validate(RunConfig(Phantom(), Motion(), Degrad(), Natural()))
