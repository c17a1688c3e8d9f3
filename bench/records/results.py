"""The records of a results folder as tables, and what is read of them on demand."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from bench.errors import UserError, counted
from bench.records.dictionary import COLUMNS_OF, describe
from bench.records.model import PICTURES, RUNS, SAMPLES, DamagedRecord, Samples
from bench.records.parquet import write_parquet
from bench.records.plan import Plan
from bench.records.samples import read_samples
from bench.records.schema import COMPLETED
from bench.records.tables import read_tables

if TYPE_CHECKING:  # every run is a process that writes a record; only readers need pandas
    import pandas as pd
    from matplotlib.figure import Figure


@dataclass(frozen=True, repr=False)
class Results:
    """Every readable record of a results folder as tables, and the damaged ones by name.

    runs: a row per run, failed ones included; curves: per evaluation point; reconstructions: per
    iteration budget; memory: per number of forward iterations; images: per test image of a run;
    pictures: per larger test picture; metrics: per value that a method reported of its own;
    gradients: per measurement of `bench gradients`. `describe` has their columns and units.
    experiment: what `experiment.yaml` says of the machine and the versions; plan: the runs that
    belong to it; damaged: a line for each record that is not in the tables, and why.
    """

    path: Path
    runs: pd.DataFrame
    curves: pd.DataFrame
    reconstructions: pd.DataFrame
    memory: pd.DataFrame
    images: pd.DataFrame
    pictures: pd.DataFrame
    metrics: pd.DataFrame
    gradients: pd.DataFrame
    experiment: dict[str, Any]
    plan: Plan
    damaged: list[str]

    @staticmethod
    def describe(*tables: str) -> pd.DataFrame:
        """Return the columns of these tables, or of all: table, column, type, unit, meaning.

        KeyError for a table that does not exist.
        """
        return describe(*tables)

    def plot(self, name: str, **options: Any) -> Figure:
        """Return a figure of the report, such as "psnr_vs_time": see `reports.plot.plot`."""
        # By name: records know nothing of reports, which know everything of records.
        figure: Figure = importlib.import_module("reports.plot").plot(self, name, **options)
        return figure

    def __repr__(self) -> str:
        """Say in a line what there is."""
        runs = self.runs
        parts = [
            counted(len(runs), "run"),
            f"{counted(runs['method'].nunique(), 'method')}",
            f"{counted(len(runs[['problem', 'size']].drop_duplicates()), 'workload')}",
            f"{counted(runs['seed'].nunique(), 'seed')}",
        ]
        failed = int((runs["status"] != COMPLETED).sum())
        parts += [f"{failed} failed"] if failed else []
        parts += [f"{len(self.gradients)} gradient measurements"] if len(self.gradients) else []
        parts += [f"{len(self.damaged)} damaged"] if self.damaged else []
        return f"<Results {str(self.path)!r}: {', '.join(parts)}>"

    def to_parquet(self, folder: Path | str) -> list[Path]:
        """Write each table but the steps as `folder`/NAME.parquet; return the paths.

        Values and types are kept. Raises UserError without pyarrow, the extra `parquet`, or where
        the folder cannot be written to.
        """
        tables = {name: getattr(self, name) for name in COLUMNS_OF if name != "steps"}
        try:
            return write_parquet(tables, Path(folder))
        except OSError as error:
            raise UserError(f"cannot write {folder}: {error.strerror or error}") from error

    def samples(self, run_id: str) -> Samples | None:
        """Return the reconstructions kept by a run; KeyError if the run is not in `runs`."""
        return read_samples(self._folder(run_id) / SAMPLES)

    def picture_samples(self, run_id: str) -> Samples | None:
        """Return the pictures kept by a run, larger than its images; KeyError likewise."""
        return read_samples(self._folder(run_id) / PICTURES)

    def steps(self, run_id: str) -> pd.DataFrame:
        """Return the training steps of a run, if any, a row per step.

        KeyError if the run is not in `runs`, DamagedRecord if its steps cannot be read.
        """
        self._folder(run_id)
        damaged: list[str] = []
        steps = self.steps_of([run_id], damaged)
        if damaged:
            raise DamagedRecord(damaged[0])
        return steps

    def steps_of(self, run_ids: list[str], damaged: list[str] | None = None) -> pd.DataFrame:
        """Return the training steps of several of the runs; of damaged ones, why, in `damaged`."""
        reasons = [] if damaged is None else damaged
        runs = self.runs[self.runs["run_id"].isin(run_ids)]
        wanted = list(zip(runs["run_id"], runs["schema_version"], strict=True))
        parent = str(self.path / RUNS)
        return read_tables("steps", wanted, parent, lambda _, reason: reasons.append(reason))

    def _folder(self, run_id: str) -> Path:
        if run_id not in set(self.runs["run_id"]):
            raise KeyError(run_id)
        return self.path / RUNS / run_id
