"""What a report says of the runs, section by section: tables, notes and figures."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pandas as pd

from bench.records import Results
from reports.data import memory_law
from reports.tables import phases, reconstruction, training
from reports.data.circumstances import said_of_times
from reports.data.noise import said_of_noise
from reports.tables.scores import score_cells, score_notes, scores
from reports.tables.terminal import cells, footnotes
from reports.data.targets import reconstruction_target

if TYPE_CHECKING:  # it brings matplotlib, which only drawing needs
    from reports.figures.draw import Drawn

TABLES = ("summary", "training", "reconstruction", "phases", "memory_law", "scores")
DIAGNOSTICS = "Did the solvers converge, and did the machine measure alike from beginning to end?"


@dataclass(frozen=True)
class Table:
    """A table under its file name: the numbers, and the same as text."""

    stem: str
    numbers: pd.DataFrame
    cells: pd.DataFrame
    said: str = ""


@dataclass(frozen=True)
class Section:
    """A part of the page; `figures` are those that belong here."""

    key: str
    title: str
    said: str
    tables: list[Table]
    notes: list[str] = field(default_factory=list)
    figures: list[Drawn] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to show."""
        return not (self.tables or self.figures or self.notes)


def sections(
    results: Results, target: str, reference: str | None, summary: pd.DataFrame
) -> list[Section]:
    """Return the sections in the order of the page, without figures.

    Raises UserError if the reference is not among the methods.
    """
    found = [
        _summary(results, summary, target),
        _training(results, target),
        _reconstruction(results, reconstruction_target(target)),
        _cost(results),
        _scores(results, target, reference),
        Section("diagnostics", "Diagnostics", DIAGNOSTICS, [], [said_of_noise(results.experiment)]),
    ]
    return found


def _tables(*given: Table) -> list[Table]:
    return [table for table in given if len(table.numbers)]


def _summary(results: Results, summary: pd.DataFrame, target: str) -> Section:
    said = f"Target: {target}. The tracks of training and of reconstruction follow apart."
    if summary.empty:
        return Section("summary", "Summary", said, [])
    table = Table("summary", summary, cells(summary))
    notes = [*footnotes(summary), *said_of_times(results.runs)]
    return Section("summary", "Summary", said, [table], notes)


def _training(results: Results, target: str) -> Section:
    numbers = training.training_table(results, target)
    shown = training.training_cells(numbers) if len(numbers) else numbers
    said = f"Target: {target}. {training.SAID}"
    tables = _tables(Table("training", numbers, shown))
    return Section("training", "Training", said, tables, said_of_times(results.runs))


def _reconstruction(results: Results, target: str) -> Section:
    numbers = reconstruction.reconstruction_table(results, target)
    shown = reconstruction.reconstruction_cells(numbers) if len(numbers) else numbers
    said = f"Target: {target}. {reconstruction.SAID}"
    tables = _tables(Table("reconstruction", numbers, shown))
    return Section("reconstruction", "Reconstruction", said, tables, said_of_times(results.runs))


def _cost(results: Results) -> Section:
    steps, laws = phases.phases_table(results), memory_law.memory_laws(results)
    shown = phases.phases_cells(steps) if len(steps) else steps
    law_cells = memory_law.memory_cells(laws) if len(laws) else laws
    tables = _tables(
        Table("phases", steps, shown, phases.SAID),
        Table("memory_law", laws, law_cells, memory_law.SAID),
    )
    return Section("cost", "Cost and memory", "", tables)


def _scores(results: Results, target: str, reference: str | None) -> Section:
    found = scores(results, target, reference)
    if found is None:
        return Section("scores", "Scores", "", [])
    table = Table("scores", found.table, score_cells(found))
    return Section("scores", "Scores", "", [table], score_notes(found))
