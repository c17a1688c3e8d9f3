"""A plug-in that leaves threads and processes running, from its import or from a run."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass

import torch

from bench.registry import register_method
from methods.base import FeedForwardMethod

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


def note(pid):
    with open(os.environ["COMPANY"], "a") as file:
        file.write(f"{pid}\n")


def thread():
    threading.Thread(target=time.sleep, args=(600,), name="left").start()


def child():
    note(subprocess.Popen(SLEEP).pid)


def worker_of_its_own():
    process = multiprocessing.get_context("fork").Process(target=time.sleep, args=(600,))
    process.start()
    note(process.pid)


def daemon():
    """A grandchild in a session of its own, with every file of this process open."""
    if (first := os.fork()) == 0:
        os.setsid()
        if os.fork() == 0:
            note(os.getpid())
            time.sleep(600)
        os._exit(0)
    os.waitpid(first, 0)


LEAVE = {
    "": lambda: None,
    "thread": thread,
    "child": child,
    "process": worker_of_its_own,
    "daemon": daemon,
}
LEAVE[os.environ.get("AT_IMPORT", "")]()
if os.environ.get("FAIL_AT_IMPORT") and "bench.measurement.run" in sys.modules:
    raise ValueError("a fault at import, in a worker")


@register_method("leaving")
@dataclass(frozen=True)
class Leaving(FeedForwardMethod):
    """One convolution."""

    what: str = ""

    def network(self, channels):
        LEAVE[self.what]()
        return torch.nn.Conv2d(channels, channels, 3, padding=1)
