"""Settings that no parser was made for, and numbers that no machine has."""

from __future__ import annotations

import pytest

from bench.config.overrides import compose_config, compose_section, parse_setting
from bench.config.settings import TrainConfig
from bench.errors import UserError

DIGITS = "9" * 5000
NESTED = [300 * left + "1" + 300 * right for left, right in ("[]", "()")]
NESTED += [300 * "{a:" + "1" + 300 * "}", 300 * "{" + 300 * "}", 300 * "${" + 300 * "}"]


@pytest.mark.parametrize("value", [DIGITS, f"float({DIGITS})", *NESTED])
@pytest.mark.parametrize("key", ["train.steps", "forward.tolerance", "memory_pass", "layer"])
def test_what_the_parser_cannot_bear_is_one_line(registered: None, key: str, value: str) -> None:
    with pytest.raises(UserError):
        compose_config(["method=jfb", f"{key}={value}"])


def test_nested_brackets_are_called_so() -> None:
    with pytest.raises(UserError, match="too many nested brackets"):
        parse_setting("train.steps=" + 3000 * "[" + 3000 * "]")


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("memory_limit_gib=1e300", "memory_limit_gib=1e+300: must be from 0 to 1048576"),
        ("memory_limit_gib=-1", "memory_limit_gib=-1.0: must be from 0 to 1048576"),
        ("memory_limit_gib=1e400", "memory_limit_gib=inf: must be a finite number"),
        ("num_threads=1000000", "num_threads=1000000: must be from 1 to 1024"),
        ("memory_pass=-1", "memory_pass: -1 is not a bool (true or false)"),
        ("memory_pass=0.5", "memory_pass: 0.5 is not a bool (true or false)"),
        ("train.steps=true", "train.steps: 'True' is not an int"),
        ("train.steps=0x10", "train.steps: '0x10' is not an int"),
        ("forward.tolerance=nan", "forward.tolerance=nan: must be a finite number"),
    ],
)
def test_numbers_that_no_setting_takes(registered: None, setting: str, expected: str) -> None:
    with pytest.raises(UserError) as caught:
        compose_config(["method=jfb", setting])
    assert str(caught.value) == expected


def test_a_bool_may_be_written_as_a_number(registered: None) -> None:
    assert compose_config(["method=jfb", "memory_pass=0"]).memory_pass is False


def test_a_section_that_refers_to_nothing_is_one_line() -> None:
    with pytest.raises(UserError, match="Interpolation key 'nothing' not found"):
        compose_section(TrainConfig, "train", ["train.loss=${nothing}"])
