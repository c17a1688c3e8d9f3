"""Records of planned runs, left without making the runs."""

from __future__ import annotations

from pathlib import Path

from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.identity import identity
from bench.experiment.spec import RunSpec
from bench.records import RunRecord, write_record

STARTED = "2026-01-01T00:00:00.000+00:00"


def four_runs(*overrides: str) -> list[RunSpec]:
    """JFB and TV with two seeds each."""
    request = GridRequest("jfb,tv", sizes="32", seeds="2", device="cpu", overrides=overrides)
    return build_grid(request)


def store(results: Path, spec: RunSpec, **changes: object) -> None:
    """Leave a record of the run, as it would be made now but for the changes."""
    row = {**identity(spec), "status": "completed", "started_at": STARTED, **changes}
    write_record(results, RunRecord(row))


def damage(results: Path, spec: RunSpec) -> None:
    """Leave a record of the run that cannot be read."""
    store(results, spec)
    (results / "runs" / spec.run_id / "record.json").write_text("{")
