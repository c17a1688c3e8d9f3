"""What a report says, section by section: tables, notes and figures."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from reports.data.circumstances import load_notes
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData
from reports.tables.gradients import failed_measurements, gradients_table
from reports.tables.memory_law import memory_law_table
from reports.tables.phases import phases_table
from reports.tables.reconstruction import reconstruction_table
from reports.tables.scores import scores_table
from reports.tables.summary import summary_table
from reports.tables.table import Table
from reports.tables.training import training_table

if TYPE_CHECKING:
    from reports.figures.draw import FigureFile

TABLES = ("summary", "training", "reconstruction", "phases", "memory_law", "scores")
GRADIENT_TABLES = ("gradients_summary",)
RECORDS = ("runs.csv", "curves.csv")
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


def sections(dataset: Dataset, gradients: Sequence[GradientData]) -> list[Section]:
    """Return the sections in the order of the page, without figures."""
    found = [] if dataset.runs.empty else _on_runs(dataset)
    if found or not gradients:
        caption = "All runs and evaluation points."
        found.append(Section("records", "Records", caption, files=RECORDS))
    if gradients:
        section = _section("gradients", "Gradients", gradients_table(gradients))
        failed = failed_measurements(gradients)
        found.append(replace(section, files=(MEASUREMENTS,), failed=failed))
    return found


def _on_runs(dataset: Dataset) -> list[Section]:
    diagnostics = [
        dataset.floor.describe(dataset.runs),
        *load_notes(dataset.runs, dataset.results.experiment),
    ]
    return [
        _section("summary", "Summary", summary_table(dataset)),
        _section("training", "Training", training_table(dataset)),
        _section("reconstruction", "Reconstruction", reconstruction_table(dataset)),
        _section("cost", "Cost and memory", phases_table(dataset), memory_law_table(dataset)),
        _section("scores", "Scores", scores_table(dataset)),
        Section("diagnostics", "Diagnostics", DIAGNOSTICS, notes=diagnostics),
    ]


def _section(key: str, title: str, *tables: Table) -> Section:
    """Gather the tables that hold something, with their notes."""
    kept = [table for table in tables if len(table.numbers)]
    return Section(key, title, "", kept, [note for table in kept for note in table.notes])
