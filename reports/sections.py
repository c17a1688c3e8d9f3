"""What a report says, section by section: tables, notes and figures."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TYPE_CHECKING

from reports.attempts import attempted
from reports.data.circumstances import load_notes
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData
from reports.data.penalty import penalty_notes
from reports.tables.fidelity import fidelity_table
from reports.tables.gradients import failed_measurements, gradients_table
from reports.tables.memory_law import memory_law_table
from reports.tables.metrics import metrics_table
from reports.tables.model_size import model_size_table
from reports.tables.phases import phases_table
from reports.tables.pictures import pictures_table
from reports.tables.reconstruction import reconstruction_table
from reports.tables.scores import scores_table
from reports.tables.summary import summary_table
from reports.tables.table import Table
from reports.tables.training import training_table

if TYPE_CHECKING:
    import pandas as pd

    from reports.figures.drawn import FigureFile

TABLES = (
    *("summary", "pictures", "training", "reconstruction", "fidelity", "model_size", "phases"),
    *("memory_law", "scores", "metrics"),
)
GRADIENT_TABLES = ("gradients_summary",)
RECORDS = ("runs.csv", "curves.csv")
MOST_POINTS = 5000  # of curves, that a report copies: a table of a megabyte
MEASUREMENTS = "gradients.csv"
DIAGNOSTICS = "Whether the solvers converged, and whether the speed of the machine was constant."


@dataclass(frozen=True)
class Section:
    """A part of the page; `files` are further tables, `failed` a line per failed measurement."""

    key: str
    title: str
    caption: str = ""
    tables: list[Table] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    files: Sequence[str] = ()
    failed: list[str] = field(default_factory=list)
    figures: list[FigureFile] = field(default_factory=list)


def sections(
    dataset: Dataset | None,
    curves: pd.DataFrame,
    gradients: Sequence[GradientData],
    problems: list[str],
) -> list[Section]:
    """Return the sections in the order of the page, without figures.

    curves: all evaluation points; problems: gets a sentence for each table that could not be made.
    `dataset` is None where nothing could be derived from the records of runs.
    """
    found = [] if dataset is None or dataset.runs.empty else _on_runs(dataset, problems)
    if found or not gradients:
        found.append(_records(copied_records(curves)))
    if gradients:
        made = {"gradients_summary": lambda: gradients_table(gradients)}
        section = _section("gradients", "Gradients", made, problems)
        failed = attempted(
            "list of failed measurements", lambda: failed_measurements(gradients), problems
        )
        found.append(replace(section, files=(MEASUREMENTS,), failed=failed or []))
    return found


def copied_records(curves: pd.DataFrame) -> tuple[str, ...]:
    """Return the records that a report has a table of: all, but curves of very many points."""
    return RECORDS if len(curves) <= MOST_POINTS else RECORDS[:1]


def _records(files: tuple[str, ...]) -> Section:
    caption = "All runs and evaluation points."
    if files != RECORDS:
        caption = (
            "All runs. The evaluation points are too many to be copied; results.curves has them "
            "from Python."
        )
    return Section("records", "Records", caption, files=files)


def _on_runs(dataset: Dataset, problems: list[str]) -> list[Section]:
    def section(key: str, title: str, *tables: Callable[[Dataset], Table]) -> Section:
        made = {each.__name__.removesuffix("_table"): partial(each, dataset) for each in tables}
        return _section(key, title, made, problems)

    return [
        section("summary", "Summary", summary_table),
        section("pictures", "Larger pictures", pictures_table),
        section("training", "Training", training_table),
        section("reconstruction", "Reconstruction", reconstruction_table),
        section("fidelity", "Gradients of training", fidelity_table),
        section("cost", "Cost and memory", model_size_table, phases_table, memory_law_table),
        section("scores", "Scores", scores_table),
        section("metrics", "Metrics of the methods", metrics_table),
        Section("diagnostics", "Diagnostics", DIAGNOSTICS, notes=_diagnostics(dataset, problems)),
    ]


def _diagnostics(dataset: Dataset, problems: list[str]) -> list[str]:
    def notes() -> list[str]:
        floor, experiment = dataset.floor.describe(dataset.runs), dataset.results.experiment
        return [floor, *penalty_notes(experiment), *load_notes(dataset.runs, experiment)]

    return attempted("notes on the noise floor and the load", notes, problems) or []


def _section(
    key: str, title: str, tables: Mapping[str, Callable[[], Table]], problems: list[str]
) -> Section:
    """Gather the tables that hold something, with their notes."""
    made = [attempted(f"table {name}", make, problems) for name, make in tables.items()]
    kept = [table for table in made if table is not None and len(table.numbers)]
    return Section(key, title, "", kept, [note for table in kept for note in table.notes])
