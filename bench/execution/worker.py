"""The worker's process: its group, cores, device and log, then the run and its record."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import sys
from collections.abc import Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from bench.ending import end_soon
from bench.execution.order import Order, Report
from bench.experiment.claims import Claims
from bench.experiment.files import checkpoint_file, open_log
from bench.experiment.identity import run_key
from bench.plugins import load_all
from bench.records import write_record
from bench.records.schema import complete_row

PR_SET_PDEATHSIG = 1
END_SECONDS = 2.0  # for threads of a method to end by themselves
OUT_OF_TIME = signal.SIGUSR1  # from the supervisor; no cluster sends it of its own accord


def work(order: Order, known: dict[str, object], report: Report) -> None:
    """Make the run in this process, which is its own, and write its record, also when it fails.

    known: the columns of the record that are known before. The exit code says what became of a
    process that could not come so far. Then the process ends, though a method has left threads.
    """
    os.setsid()  # the supervisor ends this group, with all that a method may have started
    if sys.platform == "linux":  # die with the supervisor
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    _ignore_signals_of_others()
    _log_to(order.results, order.run_id)
    if order.cores:
        os.sched_setaffinity(0, order.cores)
    if order.visible_devices is not None:  # before anything imports torch
        os.environ["CUDA_VISIBLE_DEVICES"] = order.visible_devices
    if limit := int(float(order.config["memory_limit_gib"]) * 2**30):
        # Allocations fail beyond this: one run must not take the whole machine's memory.
        resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    status = 1
    try:
        load_all(order.plugins)
        _measure(order, known, report)
        status = 0
    finally:  # the record is written, or never will be
        end_soon(status, END_SECONDS)


def _measure(order: Order, known: dict[str, object], report: Report) -> None:
    from bench.config.plain import from_plain
    from bench.execution.callbacks import RunCallbacks
    from bench.measurement.checkpoint import Checkpoint
    from bench.measurement.failure import OutOfTime
    from bench.measurement.run import measure

    def out_of_time(message: str, number: int, frame: object) -> None:
        signal.signal(OUT_OF_TIME, signal.SIG_IGN)
        raise OutOfTime(message)

    def evaluated(point: Mapping[str, Any]) -> None:
        report(point["step"], point["psnr"])
        callbacks.on_evaluation(point)

    callbacks = RunCallbacks(order)
    callbacks.on_start(known)
    config = from_plain(order.config)
    # A training goes on only where an uninterrupted one would have computed, and timed, the same.
    key = f"{run_key(known)} on {known.get('device_name', '')}"
    path = checkpoint_file(order.results, order.run_id)
    checkpoint = Checkpoint(path, key, config.checkpoint_every_seconds)
    signal.signal(OUT_OF_TIME, partial(out_of_time, order.limit.message))
    record = measure(config, evaluated, checkpoint)
    signal.signal(OUT_OF_TIME, signal.SIG_IGN)  # what was measured is written all the same
    here = float(Claims(order.results).here())
    row = {**known, **record.row, "concurrency": max(float(str(known["concurrency"])), here)}
    write_record(order.results, replace(record, row=row))
    checkpoint.discard()
    callbacks.on_end(complete_row(row))


def _ignore_signals_of_others() -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides what an interrupt means
    if "SLURM_JOB_ID" in os.environ:  # Slurm's signals reach every process; the supervisor acts
        for number in (signal.SIGTERM, signal.SIGUSR2):
            signal.signal(number, signal.SIG_IGN)


def _log_to(results: Path, run_id: str) -> None:
    """Send what the process prints, and its tracebacks, to the run's log."""
    with open_log(results, run_id) as log:
        for stream in (sys.stdout, sys.stderr):
            with contextlib.suppress(OSError, ValueError):
                stream.flush()
            os.dup2(log.fileno(), stream.fileno())
