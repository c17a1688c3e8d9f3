"""How supervisors are started: from which kind of process, and what is tried when none can be."""

from __future__ import annotations

import multiprocessing
from pathlib import Path
from typing import NoReturn

import psutil
import pytest

from bench.execution import launcher as launcher_module
from bench.execution.launcher import ATTEMPTS, Launcher
from bench.execution.order import Order, Outcome


class StubJob:
    """Has its outcome when it is asked for the second time; `fault` is raised instead."""

    def __init__(self, fault: BaseException | None = None) -> None:
        self.fault, self.cancelled, self.polls = fault, False, 0
        receiver, self._sender = multiprocessing.Pipe(duplex=False)
        self._sender.send("there is something to ask for")
        self.waitables = [receiver]

    def poll(self, report: object) -> Outcome | None:
        if self.fault:
            raise self.fault
        self.polls += 1
        return Outcome({"status": "completed"}) if self.polls > 1 else None

    def cancel(self) -> None:
        self.cancelled = True


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
    launcher, answers = Launcher("cpu"), [EOFError(), OSError(), StubJob()]

    def start(given: Order) -> object:
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(launcher, "_start", start)
    assert isinstance(launcher.start(order), StubJob)
    assert answers == []


def test_a_run_is_made_to_its_end(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher, job = Launcher("cpu"), StubJob()
    monkeypatch.setattr(launcher, "start", lambda order: job)
    assert launcher.run(order, lambda step, psnr: None) == Outcome({"status": "completed"})
    assert not job.cancelled


def test_an_interrupt_cancels_the_run(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    launcher, job = Launcher("cpu"), StubJob(KeyboardInterrupt())
    monkeypatch.setattr(launcher, "start", lambda order: job)
    with pytest.raises(KeyboardInterrupt):
        launcher.run(order, lambda step, psnr: None)
    assert job.cancelled
