"""A call beside the caller: the same result wherever it is made, and no process is left."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import threading
import time
from collections.abc import Callable

import pytest

from bench import beside as module
from bench.beside import beside

HERE = os.getpid()
can_fork = module._can_fork  # before tests replace it


@pytest.fixture(autouse=True)
def free_core(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_can_fork", lambda: True)


def only_here(failing: Callable[[], object]) -> Callable[[], int]:
    def call() -> int:
        if os.getpid() != HERE:
            failing()
        return os.getpid()

    return call


def refuse() -> None:
    raise OSError(28, "No space left on device")


def interrupt() -> None:
    raise KeyboardInterrupt


def killed() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_call_is_made_in_another_process_while_this_one_goes_on() -> None:
    came, go = (multiprocessing.get_context("fork").Event() for _ in range(2))

    def call() -> int:
        came.set()
        assert go.wait(30)
        return os.getpid()

    with beside(call) as result:
        assert came.wait(30)
        go.set()
        assert result() != HERE
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("failing", [refuse, interrupt, lambda: os._exit(1), killed])
def test_a_call_that_fails_beside_is_made_here(
    failing: Callable[[], object], capfd: pytest.CaptureFixture[str]
) -> None:
    with beside(only_here(failing)) as result:
        assert result() == HERE
    assert capfd.readouterr() == ("", "")


def test_a_result_that_cannot_be_sent_is_made_here() -> None:
    with beside(threading.Lock) as result:
        assert result().acquire()


def test_an_error_is_raised_where_the_result_is_asked_for() -> None:
    with beside(refuse) as result, pytest.raises(OSError, match="No space left"):
        result()


def test_an_error_here_ends_the_process_beside() -> None:
    with contextlib.suppress(KeyError), beside(lambda: time.sleep(600)):
        assert len(multiprocessing.active_children()) == 1
        raise KeyError
    assert multiprocessing.active_children() == []


def test_where_no_process_can_be_made_the_call_is_made_here(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fork() -> int:
        raise BlockingIOError(11, "Resource temporarily unavailable")

    monkeypatch.setattr(os, "fork", fork)
    with beside(os.getpid) as result:
        assert result() == HERE


def test_a_copy_needs_a_core_and_a_process_without_torch() -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.delitem(sys.modules, "torch", raising=False)
        patch.setattr(os, "sched_getaffinity", lambda _: {0, 1}, raising=False)
        assert can_fork()
        patch.setattr(os, "sched_getaffinity", lambda _: {0})
        assert not can_fork()
        patch.setattr(os, "sched_getaffinity", lambda _: {0, 1})
        patch.setitem(sys.modules, "torch", sys)
        assert not can_fork()
