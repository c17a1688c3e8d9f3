"""An experiment: the runs of one results folder, and how far each of them is."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping
from enum import StrEnum
from pathlib import Path
from typing import NamedTuple, Self

from bench.experiment.claims import Claims
from bench.experiment.files import RUNS
from bench.experiment.identity import identity, what_changed
from bench.experiment.layout import check_layout
from bench.experiment.names import named
from bench.experiment.spec import UNPLANNED, RunSpec
from bench.records import (
    COMPLETED,
    DamagedRecord,
    Plan,
    damage_of,
    read_plan,
    read_row,
    read_rows,
)

Row = Mapping[str, object]


class RunState(StrEnum):
    """How far a run is."""

    DONE = "done"  # completed
    FAILED = "failed"  # ended otherwise
    RUNNING = "running"  # claimed, or its job runs
    QUEUED = "queued"  # its job waits
    STALE = "stale"  # made by other code, versions or settings
    DAMAGED = "damaged"  # its record cannot be read, or a file of it is missing or garbled
    MISSING = "missing"  # none of these


ENDED = (RunState.DONE, RunState.FAILED)


class Standing(NamedTuple):
    """The state of a run, why it is that, and the row of its record if there is one."""

    state: RunState
    reason: str = ""
    row: Row | None = None


class Experiment:
    """The runs of one results folder, each judged once; `refresh` judges one of them anew.

    jobs: the standing of runs that a cluster has in its queue.
    """

    def __init__(
        self,
        folder: Path,
        specs: Iterable[RunSpec],
        standings: Mapping[str, Standing] | None = None,
    ) -> None:
        self.folder = folder
        self.specs = tuple(specs)
        self._standings = dict(standings or {})

    @classmethod
    def open(
        cls, folder: Path, specs: Iterable[RunSpec], jobs: Mapping[str, Standing] | None = None
    ) -> Self:
        """The runs of a grid, their records held against what would be made now.

        The registries must be loaded; the folder may be missing. Raises UserError for a folder that
        no command may work in.
        """
        check_layout(folder)
        specs = tuple(specs)
        found, under_way = read_rows(folder), _under_way(folder, jobs)
        rows = {str(row["run_id"]): row for row in found.rows}
        standings = {
            spec.run_id: _judge(folder, spec, rows, found.damaged, under_way, now=True)
            for spec in specs
        }
        return cls(folder, specs, standings)

    @classmethod
    def read(cls, folder: Path, jobs: Mapping[str, Standing] | None = None) -> Self:
        """Every run that is planned or recorded, in the order of the plan; none is judged stale.

        No plug-in is needed. Raises UserError if there is no such results folder.
        """
        check_layout(folder)
        plan, found, under_way = read_plan(folder), read_rows(folder), _under_way(folder, jobs)
        rows = {str(row["run_id"]): row for row in found.rows}
        names = dict.fromkeys([*plan.runs, *rows, *found.damaged])
        specs = named([_planned(plan, name, rows.get(name)) for name in names])
        standings = {
            spec.run_id: _judge(folder, spec, rows, found.damaged, under_way) for spec in specs
        }
        return cls(folder, specs, standings)

    def __getitem__(self, run_id: str) -> Standing:
        """How far a run is."""
        return self._standings[run_id]

    def __iter__(self) -> Iterator[tuple[RunSpec, Standing]]:
        """The runs in their order, each with its standing."""
        return ((spec, self._standings[spec.run_id]) for spec in self.specs)

    def is_due(self, run_id: str, retry: Collection[RunState] = ()) -> bool:
        """Whether the run is to be made, when those of the states `retry` are made again."""
        state = self[run_id].state
        return state not in ENDED or state in retry

    def attempt(self, run_id: str) -> str:
        """When the record that would be replaced was started, "" without one."""
        row = self[run_id].row
        return str(row["started_at"]) if row else ""

    def refresh(self, spec: RunSpec) -> None:
        """Judge one run as it is now, by its record and its claim."""
        rows, damaged = {}, {}
        try:
            if row := read_row(self.folder, spec.run_id):
                rows[spec.run_id] = row
        except DamagedRecord as error:
            damaged[spec.run_id] = str(error)
        holder = Claims(self.folder).holder(spec.run_id)
        claimed = {spec.run_id: Standing(RunState.RUNNING, str(holder))} if holder else {}
        self._standings[spec.run_id] = _judge(self.folder, spec, rows, damaged, claimed, now=True)

    def count(self, *states: RunState) -> int:
        """How many runs are in one of these states."""
        return sum(standing.state in states for standing in self._standings.values())

    def __str__(self) -> str:
        """`12 done, 1 failed, 5 missing`."""
        counts = Counter(standing.state for standing in self._standings.values())
        return ", ".join(f"{counts[each]} {each}" for each in RunState if counts[each]) or "no runs"


def _under_way(folder: Path, jobs: Mapping[str, Standing] | None) -> dict[str, Standing]:
    """The standing by run of what a cluster has in its queue, or somebody has claimed."""
    owners = Claims(folder).held().items()
    claimed = {run: Standing(RunState.RUNNING, str(owner)) for run, owner in owners}
    return {**(jobs or {}), **claimed}


def _judge(
    folder: Path,
    spec: RunSpec,
    rows: Mapping[str, Row],
    damaged: Mapping[str, str],
    under_way: Mapping[str, Standing],
    *,
    now: bool = False,
) -> Standing:
    """The standing of one run; now: held against what would be made now, else none is stale."""
    run_id = spec.run_id
    row = rows.get(run_id)
    job = under_way.get(run_id)
    if job is not None and job.state is not RunState.MISSING:
        return job._replace(row=row)
    if run_id in damaged:
        return Standing(RunState.DAMAGED, damaged[run_id])
    if row is None:
        return job or Standing(RunState.MISSING)
    if now and (changed := what_changed(row, identity(spec))):
        return Standing(RunState.STALE, changed, row)
    if reason := damage_of(os.path.join(folder, RUNS, run_id), row, spec.config):
        return Standing(RunState.DAMAGED, reason, row)
    if row["status"] == COMPLETED:
        return Standing(RunState.DONE, "", row)
    return Standing(RunState.FAILED, f"{row['status']}: {row['message']}", row)


def _planned(plan: Plan, run_id: str, row: Row | None) -> RunSpec:
    """The spec of a run as the plan, or else its record, tells it."""
    if config := plan.config(run_id):
        return RunSpec(run_id, config, plan.method(run_id), plan.runs[run_id][0])
    if row is None:
        return RunSpec(run_id, {}, "", UNPLANNED)
    recorded = {
        "problem": {"name": row["problem"], "parameters": {"size": row["size"]}},
        "layer": {"name": row["layer"]},
        "network": {"name": row["network"]},
        "seed": row["seed"],
    }
    return RunSpec(run_id, recorded, str(row["method"]), UNPLANNED)
