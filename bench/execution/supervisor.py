"""Makes one run and sees to it that nothing is left behind, whatever happens to it.

The worker is a process of its own, with a process group of its own. Its supervisor holds the claim
on the run, ends the whole group when the worker is too slow, when it has ended and left something
running, or when whoever asked for the run is gone, and writes the record if the worker could not.
The supervisor imports no torch: it is as good as idle, and lives when the worker is out of memory.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import platform
import shutil
import signal
import time
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime
from multiprocessing.connection import wait
from multiprocessing.process import BaseProcess
from pathlib import Path

import psutil

from bench.errors import UserError
from bench.execution import left_behind
from bench.execution.order import Order, Outcome, Report
from bench.execution.worker import OUT_OF_TIME, work
from bench.experiment.claims import Claim, Claims
from bench.experiment.files import archive, checkpoint_file, drafts_of, log_file, open_log
from bench.experiment.identity import what_changed
from bench.machine.description import device_name
from bench.records import RunRecord, read_row, write_record

POLL_SECONDS = 0.5
GRACE_SECONDS = 5.0  # for a worker that is out of time to write down what it has
OOM_COUNTERS = ("/sys/fs/cgroup/memory.events", "/sys/fs/cgroup/memory/memory.oom_control")

Alive = Callable[[], bool]


def supervise(order: Order, report: Report, wanted: Alive) -> Outcome:
    """Make one run and leave its record, claimed for as long as it takes.

    report(step, psnr) is called in the worker's process; wanted() becomes false when whoever asked
    for the run is gone: then it is ended and leaves no record, as when the claim is another's.
    """
    claims = Claims(order.results)
    try:
        claim = claims.take(order.run_id)
    except OSError as error:
        return _unkept(order.row, f"cannot claim the run: {error.strerror or error}")
    if claim is None:
        return Outcome(None, "another process is executing it")
    try:
        meanwhile = _made_meanwhile(order)
        return meanwhile or _made(order, claim, claims, report, wanted)
    except OSError as error:
        return _unkept(order.row, f"cannot execute the run: {error}")
    finally:
        _clean_up(order)
        with contextlib.suppress(OSError):
            claim.release()


def write_failure(order: Order, message: str) -> Outcome:
    """The record of a run whose supervisor is gone and has written none; its claim is freed."""
    claims = Claims(order.results)
    try:
        claim = claims.take(order.run_id)
        if claim is None:
            return Outcome(None, "another process is executing it")
        outcome = _made_meanwhile(order)  # it may have come to its end all the same
        if outcome is None:
            archive(order.results, order.run_id)
            row = {**order.row, "status": "error", "message": message, "started_at": _now()}
            outcome = _write(order, row)
        _clean_up(order)
        claim.release()
    except OSError as error:
        return _unkept(order.row, f"{message}; {error.strerror or error}")
    return outcome


def _made_meanwhile(order: Order) -> Outcome | None:
    """What somebody made of the run between its being planned and its being claimed."""
    row = _record_of(order)
    if row is None or row["started_at"] == order.replaces or what_changed(row, order.row):
        return None
    return Outcome(row)


def _unkept(row: Mapping[str, object], message: str) -> Outcome:
    return Outcome({**row, "status": "error", "message": message}, message, kept=False)


def _made(order: Order, claim: Claim, claims: Claims, report: Report, wanted: Alive) -> Outcome:
    archive(order.results, order.run_id)
    row = {
        **order.row,
        "log_path": str(log_file(order.run_id)),
        "started_at": _now(),
        "host": platform.node(),
        "device_name": device_name(str(order.row["device"])),
        "concurrency": float(max(order.concurrency, claims.here())),
    }
    ending = _ending(order, row, claim, report, wanted)
    if ending is None:
        return Outcome(None, "it was cancelled")
    return _outcome(order, row, *ending)


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def _ending(
    order: Order, row: dict[str, object], claim: Claim, report: Report, wanted: Alive
) -> tuple[str, str] | None:
    """Start the worker, wait for it, and end what is left of its process group.

    The status and the message of its record, should it have written none; None if it was given up.
    """
    killed_before = _oom_kills()
    # Forked: what the supervisor has imported, nothing on a GPU, is not imported again.
    worker = multiprocessing.get_context("fork").Process(target=work, args=(order, row, report))
    with left_behind.adopting() as before:
        worker.start()
        try:
            timed_out, abandoned = _watch(worker, order, claim, wanted)
            _note_company(order, worker, before)
        finally:
            _end_group(worker)
            left_behind.end(before)
    if abandoned:
        return None
    if timed_out:
        return "timeout", order.limit.message
    code = worker.exitcode if worker.exitcode is not None else -signal.SIGKILL
    if code == -signal.SIGKILL and _oom_kills() > killed_before:
        return "out_of_memory", "the system killed the process because memory ran out"
    if code < 0:
        name = signal.Signals(-code).name
        hint = " (possibly out of memory)" if name == "SIGKILL" else ""
        return "error", f"killed by {name}{hint}"
    return "error", f"the process exited with code {code} without writing a record"


def _watch(worker: BaseProcess, order: Order, claim: Claim, wanted: Alive) -> tuple[bool, bool]:
    """Wait for the worker's end; returns (it was out of time, nobody wants the run any more)."""
    limit = order.limit.seconds
    deadline = time.monotonic() + limit if limit else float("inf")
    while worker.exitcode is None:
        left = max(deadline - time.monotonic(), 0)
        wait([worker.sentinel], min(POLL_SECONDS, left))
        claim.refresh()
        if not wanted() or not claim.is_held:
            return False, True
        if worker.exitcode is None and time.monotonic() >= deadline:
            with contextlib.suppress(OSError):
                os.kill(worker.pid or 0, OUT_OF_TIME)
            worker.join(GRACE_SECONDS)
            return True, False
    return False, False


def _note_company(order: Order, worker: BaseProcess, before: Collection[psutil.Process]) -> None:
    """Say in the run's log which processes the worker has left running, which are then ended."""
    found = [each for each in left_behind.started(before) if each.pid != worker.pid]
    if names := left_behind.named(found):
        with contextlib.suppress(OSError), open_log(order.results, order.run_id) as log:
            log.write(f"left running by the run, and ended: {', '.join(names)}\n")


def _end_group(worker: BaseProcess) -> None:
    """Kill whatever there is in the worker's process group, the worker included."""
    if worker.pid is None:
        return
    with contextlib.suppress(OSError):
        os.killpg(worker.pid, signal.SIGKILL)
    if worker.exitcode is None:
        worker.kill()  # it had not come to make the group
    worker.join()


def _oom_kills() -> int:
    """How many processes of this control group the system has killed for want of memory."""
    for path in OOM_COUNTERS:
        with contextlib.suppress(OSError, ValueError):
            for line in Path(path).read_text(encoding="ascii").splitlines():
                name, _, count = line.partition(" ")
                if name == "oom_kill":
                    return int(count)
    return 0


def _outcome(order: Order, row: dict[str, object], status: str, message: str) -> Outcome:
    """The row that the worker wrote, or one that says why it wrote none."""
    written = _record_of(order)
    if written and written["started_at"] != row["started_at"]:
        written = None
    if written is not None or status == "timeout":  # a time limit is not got around bit by bit
        checkpoint_file(order.results, order.run_id).unlink(missing_ok=True)
    if written is not None:
        return Outcome(written)
    return _write(order, {**row, "status": status, "message": message})


def _write(order: Order, row: dict[str, object]) -> Outcome:
    try:
        write_record(order.results, RunRecord(row=row))
    except OSError as error:
        return Outcome(row, f"cannot write the record: {error.strerror}", kept=False)
    return Outcome(row)


def _record_of(order: Order) -> dict[str, object] | None:
    try:
        return read_row(order.results, order.run_id)
    except UserError:
        return None


def _clean_up(order: Order) -> None:
    """Remove the half-written files of a worker that was killed."""
    for path in drafts_of(order.results, order.run_id):
        with contextlib.suppress(OSError):
            path.unlink() if path.is_symlink() or not path.is_dir() else shutil.rmtree(path)
