"""How supervisors are started: from which kind of process, and what is tried when none can be."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from bench.execution import launcher as launcher_module
from bench.execution.launcher import ATTEMPTS, Launcher
from bench.execution.order import Order


@pytest.fixture
def order(tmp_path: Path) -> Order:
    return Order({"run_id": "jfb-0"}, {}, tmp_path)


@pytest.fixture(autouse=True)
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(launcher_module, "PAUSE_SECONDS", 0.0)


def refuse(launcher: Launcher, monkeypatch: pytest.MonkeyPatch, error: Exception) -> list[int]:
    """Let no process of the launcher start; the list grows with each attempt."""
    attempts: list[int] = []

    def start(process: object) -> NoReturn:
        attempts.append(1)
        raise error

    monkeypatch.setattr(launcher._context.Process, "start", start)  # type: ignore[attr-defined]
    return attempts


@pytest.mark.parametrize(("device", "method"), [("cpu", "forkserver"), ("cuda:1", "spawn")])
def test_what_uses_cuda_is_not_forked(device: str, method: str) -> None:
    assert Launcher(device)._context.get_start_method() == method


@pytest.mark.parametrize(
    ("error", "told"),
    [(EOFError(), "the fork server does not respond"), (OSError(11, "no process"), "no proc")],
)
def test_a_process_that_cannot_be_had_is_asked_for_again_and_then_told(
    error: Exception, told: str, order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher = Launcher("cpu")
    attempts = refuse(launcher, monkeypatch, error)
    before = psutil.Process().num_fds()
    with pytest.raises(OSError, match=told):
        launcher.start(order)
    assert len(attempts) == ATTEMPTS
    assert psutil.Process().num_fds() == before


def test_a_server_that_was_killed_is_tried_again(
    order: Order, monkeypatch: pytest.MonkeyPatch
) -> None:
    launcher, answers = Launcher("cpu"), [EOFError(), OSError(), "a job"]

    def start(given: Order) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(launcher, "_start", start)
    assert launcher.start(order) == "a job"  # type: ignore[comparison-overlap]
    assert answers == []
