"""The runner: every run of a grid in a process of its own, with a record for each."""

from __future__ import annotations

import signal
from collections.abc import Sequence
from pathlib import Path

from bench.child import Job, Launcher, Outcome
from bench.errors import UserError
from bench.grid import RunSpec
from bench.identity import identity
from bench.progress import GridProgress
from bench.records import COMPLETED, RunRecord, read_record, write_record
from bench.registry import loaded_plugins


def run_grid(specs: Sequence[RunSpec], results: Path) -> int:
    """Make every run that has no record of completion yet; returns the number that failed.

    A run that fails, is killed or takes too long becomes a record that says so, and the next
    one is made.
    """
    (results / "logs").mkdir(exist_ok=True)
    launcher = Launcher(str(specs[0].config["device"]))
    failed = 0
    with GridProgress(len(specs)) as progress:
        for spec in specs:
            status = _finished(spec, results)
            if status is None:
                progress.start(spec, _steps(spec))
                status = _make(spec, results, launcher, progress)
            progress.finish(spec, status)
            failed += status["status"] != COMPLETED
    return failed


def all_finished(specs: Sequence[RunSpec], results: Path) -> bool:
    """Whether every run has a record of completion, so that there is nothing to make."""
    return all(_finished(spec, results) is not None for spec in specs)


def _steps(spec: RunSpec) -> int:
    return int(spec.config["train"]["steps"])


def _finished(spec: RunSpec, results: Path) -> dict[str, object] | None:
    """The row of a completed record of this very run; None if there is none."""
    row = _read(spec, results)
    same = row and row["config_hash"] == spec.config_hash and row["status"] == COMPLETED
    return row if same else None


def _read(spec: RunSpec, results: Path) -> dict[str, object] | None:
    """The row of the run's record; None if there is none, or a damaged one, to be made again."""
    folder = results / "runs" / spec.run_id
    try:
        return read_record(folder).row if folder.exists() else None
    except UserError:
        return None


def _make(
    spec: RunSpec, results: Path, launcher: Launcher, progress: GridProgress
) -> dict[str, object]:
    log = Path("logs") / f"{spec.run_id}.log"
    row = {**identity(spec.run_id, spec.config, spec.config_hash), "log_path": str(log)}
    job = Job(row, spec.config, results, results / log, loaded_plugins())
    outcome = launcher.run(job, float(spec.config["timeout_seconds"]), progress.report)
    return _row_of(spec, row, outcome, results)


def _row_of(
    spec: RunSpec, row: dict[str, object], outcome: Outcome, results: Path
) -> dict[str, object]:
    """The row that the process wrote, or one that says why it wrote none."""
    written = _read(spec, results)
    if written and not outcome.timed_out and written["started_at"] == row["started_at"]:
        return written
    status, message = _explain(spec, outcome)
    row = {**row, "status": status, "message": message}
    write_record(results, RunRecord(row=row))
    return row


def _explain(spec: RunSpec, outcome: Outcome) -> tuple[str, str]:
    if outcome.timed_out:
        return "timeout", f"ended after timeout_seconds={spec.config['timeout_seconds']}"
    if outcome.exit_code < 0:
        name = signal.Signals(-outcome.exit_code).name
        hint = ", as the system does when memory runs out" if name == "SIGKILL" else ""
        return "error", f"the process was ended by {name}{hint}"
    return "error", f"the process ended with exit code {outcome.exit_code} and left no record"
