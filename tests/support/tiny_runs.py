"""Runs that take a second or so, most of it to start, and what they left."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from pathlib import Path

from bench.execution.grid_runner import run_grid
from bench.execution.slots import Slot
from bench.experiment.grid import GridRequest, build_grid
from bench.experiment.spec import RunSpec
from bench.experiment.state import Experiment, RunState
from bench.records import RunRecord, read_record

TINY = (
    "problem.kernel_size=5",
    "network.blocks=1",
    "train.steps=2",
    "train.crops=8",
    "train.evaluate_every=1",
    "evaluate.validation_images=3",
    "evaluate.images=2",
    "evaluate.pictures=0",
)
TINY_TV = "tv[iterations=5,tune_images=2]"


def grid(
    methods: str, *overrides: str, seeds: int = 1, network: str | None = None
) -> list[RunSpec]:
    tiny = (setting for setting in TINY if network is None or not setting.startswith("network."))
    request = GridRequest(
        methods,
        sizes="16",
        seeds=str(seeds),
        network=network,
        device="cpu",
        overrides=(*tiny, *overrides),
    )
    return build_grid(request)


def make(
    specs: Sequence[RunSpec], results: Path, retry: Collection[RunState] = (), jobs: int = 1
) -> int:
    """Make the runs that are due; returns how many failed."""
    slots = [Slot()] * jobs
    return run_grid(Experiment.open(results, specs), slots, retry).failed


def records(specs: Sequence[RunSpec], results: Path) -> dict[str, RunRecord]:
    """The record of each run, by the name of its method (or of its fault)."""
    found = {}
    for spec in specs:
        parameters = spec.config["method"]["parameters"]
        name = parameters.get("fault", spec.config["method"]["name"])
        found[name] = read_record(results / "runs" / spec.run_id)
    return found


def number(record: RunRecord, column: str) -> float:
    return float(str(record.row[column]))
