"""The states of an experiment's runs, as its folder and the cluster tell them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.errors import printable
from bench.execution.slurm.cluster import QUEUED, RUNNING, UNKNOWN, log_file_of, states
from bench.execution.slurm.jobs_file import read_jobs
from bench.experiment.claims import Claims, Owner
from bench.records import COMPLETED, Plan, read_plan, read_rows

STATES = ("done", "failed", "running", "queued", "damaged", "missing")
Row = dict[str, object]


@dataclass(frozen=True)
class RunStatus:
    """One run: its name, where it belongs in a table, one of STATES, and what is known of it."""

    run_id: str
    place: tuple[str, ...]
    state: str
    note: str = ""


def read_status(results: Path) -> list[RunStatus]:
    """The status of every run that is planned or recorded, in the order of the plan.

    Raises UserError if there is no such results folder.
    """
    plan = read_plan(results)
    found, held = read_rows(results), Claims(results).held()
    rows = {str(row["run_id"]): row for row in found.rows}
    jobs = _jobs(results)
    names = dict.fromkeys([*plan.runs, *rows, *found.damaged])
    return [
        RunStatus(
            name,
            _place(plan, name, rows.get(name)),
            *_state(
                rows.get(name),
                held.get(name),
                jobs.get(name),
                found.damaged.get(name, ""),
            ),
        )
        for name in names
    ]


@dataclass(frozen=True)
class _Job:
    """The job that a run was submitted as to a cluster, and its state there."""

    results: Path
    number: str
    state: str

    def why_missing(self) -> str:
        """Why there is no record of the run, as far as the job tells."""
        if self.state == UNKNOWN:
            return f"squeue does not answer for its job {self.number}"
        log = log_file_of(self.results, self.number)
        where = f", log: {log}" if log.is_file() else ""
        return f"its job {self.number} ended without a record{where}"


def _jobs(results: Path) -> dict[str, _Job]:
    jobs = read_jobs(results)
    known = states(jobs.values()) if jobs else {}
    return {run: _Job(results, number, known[number]) for run, number in jobs.items()}


def _state(row: Row | None, owner: Owner | None, job: _Job | None, damage: str) -> tuple[str, str]:
    if owner is not None:
        return "running", owner.said()
    if job is not None and job.state in (QUEUED, RUNNING):
        return job.state, f"job {job.number}"
    if damage:
        return "damaged", damage
    if row is None:
        return "missing", job.why_missing() if job else ""
    if row["status"] == COMPLETED:
        return "done", ""
    return "failed", f"{row['status']}: {row['message']}"


def _place(plan: Plan, run_id: str, row: Row | None) -> tuple[str, ...]:
    """Problem, size, layer and method."""
    config = plan.config(run_id)
    if not config:
        return tuple(str(row[name]) for name in ("problem", "size", "layer", "method") if row)
    problem, layer = config.get("problem"), config.get("layer")
    name, parameters = (_inside(problem, key) for key in ("name", "parameters"))
    size = _inside(parameters, "size")
    return (str(name), str(size), str(_inside(layer, "name")), plan.method(run_id))


def _inside(value: object, key: str) -> object:
    return value.get(key, "") if isinstance(value, dict) else ""


def table(runs: Sequence[RunStatus]) -> list[str]:
    """A line for each problem, size, layer and method, with the number of runs in each state."""
    counts: dict[tuple[str, ...], Counter[str]] = {}
    for run in runs:
        counts.setdefault(run.place, Counter())[run.state] += 1
    shown = [state for state in STATES if any(each[state] for each in counts.values())]
    lines = [("problem", "size", "layer", "method", *shown)]
    for place, each in counts.items():
        words = [printable(word, 60) for word in (*place, *[""] * (4 - len(place)))]
        lines.append((*words, *(str(each[state] or "") for state in shown)))
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    return ["  ".join(map(str.ljust, line, widths)).rstrip() for line in lines]
