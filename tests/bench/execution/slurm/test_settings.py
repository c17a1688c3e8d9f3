"""What each run asks of Slurm, as it is given on the command line."""

from __future__ import annotations

import re

import pytest

from bench.config.overrides import compose_section
from bench.errors import UserError
from bench.execution.slurm.settings import SlurmSettings


def settings_of(*overrides: str) -> SlurmSettings:
    return compose_section(SlurmSettings, "slurm", overrides)


@pytest.mark.parametrize(
    ("setting", "expected"),
    [
        ("gpus=-1", "must be at least 0"),
        ("cpus=0", "must be at least 1"),
        ("minutes=1", "must be at least 2"),
        ("parallelism=0", "must be at least 1"),
        ("memory_gib=0.0", "must be greater than 0"),
        ("memory_gib=nan", "must be a finite number"),
        ("memory_gib=inf", "must be a finite number"),
    ],
)
def test_settings_out_of_range_are_refused(setting: str, expected: str) -> None:
    with pytest.raises(UserError, match=f"^{re.escape(f'slurm.{setting}: {expected}')}$"):
        settings_of(f"slurm.{setting}")


def test_the_least_of_each_range_is_accepted() -> None:
    least = {"gpus": 0, "cpus": 1, "memory_gib": 0.1, "minutes": 2, "parallelism": 1}
    given = [f"slurm.{name}={value}" for name, value in least.items()]
    assert settings_of(*given) == SlurmSettings(**least)


def test_settings_have_types_and_the_last_wins() -> None:
    given = ["slurm.gpus=1", "slurm.partition=long", "slurm.memory_gib=0.5", "slurm.gpus=2"]
    assert settings_of(*given) == SlurmSettings(partition="long", gpus=2, memory_gib=0.5)


@pytest.mark.parametrize(
    ("written", "text"),
    [("007", "007"), ("yes", "yes"), ("1e3", "1e3"), ("'a,b'", "a,b"), ('"a100&ib"', "a100&ib")],
)
def test_names_are_taken_as_written(written: str, text: str) -> None:
    assert settings_of(f"slurm.account={written}").account == text


def test_a_run_ends_before_its_job_does() -> None:
    assert SlurmSettings(minutes=240).seconds_of_a_run == 240 * 60 - 120
    # Slurm tells a job up to 90 s before its end.
    assert 0 < SlurmSettings(minutes=2).seconds_of_a_run <= 2 * 60 - 90
    assert 0 < SlurmSettings(minutes=3).seconds_of_a_run <= 3 * 60 - 90
