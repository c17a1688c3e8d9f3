"""What of a grid is done and what is to be made, told from the records in its folder."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from bench.experiment.claims import Claims
from bench.experiment.grid import RunSpec
from bench.experiment.identity import identity, what_changed
from bench.records import COMPLETED, DamagedRecord, read_row, read_rows

Row = Mapping[str, object]


class State(StrEnum):
    """DONE: completed; FAILED: ended otherwise; STALE: made by other code, versions or settings;

    DAMAGED: its record cannot be read; RUNNING: claimed by somebody; MISSING: none of these.
    """

    DONE = "done"
    FAILED = "failed"
    STALE = "stale"
    DAMAGED = "damaged"
    RUNNING = "running"
    MISSING = "missing"


ENDED = (State.DONE, State.FAILED)


@dataclass(frozen=True)
class RunState:
    """One run of a grid: its `identity` as it would be now, its state and why, its record's row."""

    spec: RunSpec
    identity: dict[str, object]
    state: State
    reason: str = ""
    row: Row | None = None

    def is_due(self, retry: Collection[State]) -> bool:
        """Whether the run is to be made, when those of the states `retry` are made again."""
        return self.state not in ENDED or self.state in retry

    @property
    def attempt(self) -> str:
        """When the record that would be replaced was started, "" without one."""
        return str(self.row["started_at"]) if self.row else ""


def states_of(specs: Iterable[RunSpec], results: Path) -> list[RunState]:
    """The state of every run, in the order of `specs`; the folder may be missing."""
    found = read_rows(results)
    rows = {str(row["run_id"]): row for row in found.rows}
    held = Claims(results).held()
    return [
        _state(
            spec,
            rows.get(spec.run_id),
            found.damaged.get(spec.run_id, ""),
            held[spec.run_id].said() if spec.run_id in held else "",
        )
        for spec in specs
    ]


def state_of(spec: RunSpec, results: Path) -> RunState:
    """The state of one run, as it is now."""
    row, damage = None, ""
    try:
        row = read_row(results, spec.run_id)
    except DamagedRecord as error:
        damage = str(error)
    holder = Claims(results).holder(spec.run_id)
    return _state(spec, row, damage, holder.said() if holder else "")


def _state(spec: RunSpec, row: Row | None, damage: str, claimed: str) -> RunState:
    known = identity(spec.run_id, spec.config, spec.config_hash)
    if claimed:
        return RunState(spec, known, State.RUNNING, claimed, row)
    if damage:
        return RunState(spec, known, State.DAMAGED, damage)
    if row is None:
        return RunState(spec, known, State.MISSING)
    if changed := what_changed(row, known):
        return RunState(spec, known, State.STALE, changed, row)
    if row["status"] == COMPLETED:
        return RunState(spec, known, State.DONE, "", row)
    return RunState(spec, known, State.FAILED, f"{row['status']}: {row['message']}", row)


def counted(states: Sequence[RunState]) -> str:
    """`12 done, 1 failed, 5 missing`."""
    counts = Counter(each.state for each in states)
    return ", ".join(f"{counts[state]} {state}" for state in State if counts[state]) or "no runs"
