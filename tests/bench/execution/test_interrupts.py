"""Ctrl-C while a process is being started reaches the command, and not what it starts."""

from __future__ import annotations

import signal

import pytest

from bench.execution.launcher import interrupts_held_back


def test_an_interrupt_waits_until_the_process_has_been_started() -> None:
    reached = []

    def start() -> None:
        with interrupts_held_back():
            signal.raise_signal(signal.SIGINT)
            reached.append("the end")

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell may ignore it
    try:
        with pytest.raises(KeyboardInterrupt):
            start()
    finally:
        signal.signal(signal.SIGINT, before)
    assert reached == ["the end"]
    assert signal.SIGINT not in signal.pthread_sigmask(signal.SIG_BLOCK, ())
