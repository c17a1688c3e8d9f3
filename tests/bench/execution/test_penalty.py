"""The penalty of runs at a time: its arithmetic, and the processes that it is measured with."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np
import psutil
import pytest

from bench.errors import UserError
from bench.execution import penalty as module
from bench.execution.penalty import FEWEST_ROUNDS, measure_penalty, penalty_of
from bench.execution.slots import Slot
from bench.plugins import load_all

HERE = Slot()  # any core: a machine may have one


def test_the_penalty_by_hand() -> None:
    pairs = [(1.0, 1 + part) for part in (0.5, 0.1, 0.2, 0.3, 0.0, 0.25)]
    found = penalty_of(pairs, 2, 32, 1)
    assert found.relative == pytest.approx(0.225)  # the median of six
    assert (found.low, found.high) == (pytest.approx(0.0), pytest.approx(0.5))
    assert str(found) == (
        "2 runs at a time change the time of a training step by +22.5 % "
        "(95 % interval +0.0 % to +50.0 %)"
    )
    assert found.as_mapping()["rounds"] == 6


def test_one_round_that_was_disturbed_changes_little() -> None:
    usual = [(1.0, 1.02)] * 15
    assert penalty_of([*usual, (1.0, 9.0)], 2, 32, 1).high == pytest.approx(0.02)


def test_fewer_rounds_than_an_interval_needs_are_refused() -> None:
    with pytest.raises(ValueError, match="at least 6 pairs of rounds, not 5"):
        penalty_of([(1.0, 1.0)] * 5, 2, 32, 1)


@pytest.mark.parametrize("rounds", [6, 9, 16])
def test_the_interval_covers_the_median_in_95_of_100_cases(rounds: int) -> None:
    generator, trials = np.random.default_rng(rounds), 2000
    covered = 0
    for _ in range(trials):
        ratios = np.exp(generator.standard_exponential(rounds))  # skewed; its median is 2
        found = penalty_of([(1.0, float(ratio)) for ratio in ratios], 2, 32, 1)
        covered += found.low <= 1 <= found.high
    assert covered / trials >= 0.94


def test_each_process_is_timed_alone_and_among_all(monkeypatch: pytest.MonkeyPatch) -> None:
    load_all([])
    rounds: list[int] = []

    @contextmanager
    def team(slots: Sequence[Slot], config: Mapping[str, Any]) -> Iterator[Sequence[Slot]]:
        assert config["problem"]["parameters"]["size"] == 128  # larger ones take too long
        yield slots

    def timed(workers: Sequence[Slot], steps: int) -> list[float]:
        assert steps == 5
        rounds.append(len(workers))
        return [1.5 if len(workers) > 1 else 1.0] * len(workers)

    monkeypatch.setattr(module, "_team", team)
    monkeypatch.setattr(module, "_round", timed)
    monkeypatch.setattr(module, "_answer", lambda worker: 0.02)  # the seconds of the first step
    found = measure_penalty([HERE] * 3, 1, 512)
    assert (found.at_a_time, found.relative, found.rounds) == (3, 0.5, 16)
    assert sorted(rounds) == [1] * 16 + [3] * 16
    # Each process in its turn is first alone, and in the next turn first among all.
    assert rounds[:12] == [1, 3, 1, 3, 1, 3, 3, 1, 3, 1, 3, 1]


@pytest.fixture
def short(monkeypatch: pytest.MonkeyPatch) -> None:
    load_all([])
    monkeypatch.setattr(module, "ROUNDS", FEWEST_ROUNDS)
    monkeypatch.setattr(module, "ROUND_SECONDS", 0.01)


def children() -> set[int]:
    return {each.pid for each in psutil.Process().children(recursive=True)}


def test_real_processes_are_timed_and_leave_nothing(short: None) -> None:
    measure_penalty([HERE], 1, 16)  # starts the fork server, which stays
    before = children()
    found = measure_penalty([HERE, HERE], 1, 16)
    assert (found.at_a_time, found.rounds, found.size) == (2, FEWEST_ROUNDS, 16)
    assert -1 < found.low <= found.relative <= found.high
    assert children() == before


def test_a_process_that_is_killed_is_a_user_error(
    short: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    pair = module._pair

    def killing(*arguments: Any) -> tuple[float, float]:
        for each in children() - before:
            os.kill(each, signal.SIGKILL)
        return pair(*arguments)

    measure_penalty([HERE], 1, 16)
    before = children()
    monkeypatch.setattr(module, "_pair", killing)
    with pytest.raises(UserError, match="measures the penalty has failed"):
        measure_penalty([HERE, HERE], 1, 16)


def test_a_process_that_hangs_is_a_user_error(short: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "PATIENCE_SECONDS", 0.0)
    with pytest.raises(UserError, match="does not answer"):
        measure_penalty([HERE], 1, 16)
