"""Writes the report of a results folder: tables, figures and a page."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import UserError
from bench.records import RUN_COLUMNS, load_results
from reports import page
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData, gradient_data
from reports.data.targets import DEFAULT_TARGET
from reports.folder import FIGURES, REPORT, prepare_report, write_csv
from reports.format import markdown_table
from reports.sections import GRADIENT_TABLES, MEASUREMENTS, RECORDS, TABLES, Section, sections
from reports.tables.gradients import terminal_gradients
from reports.tables.summary import terminal_summary

FILES = (
    *(f"{stem}.{kind}" for stem in (*TABLES, *GRADIENT_TABLES) for kind in ("csv", "md")),
    *(*RECORDS, MEASUREMENTS, "index.html", "report.md"),
)


@dataclass(frozen=True)
class ReportResult:
    """Where the report is, which records were damaged, and the summary for a terminal."""

    folder: Path
    damaged: list[str]
    terminal: str


def write_report(
    path: Path | str,
    *,
    target: str = DEFAULT_TARGET,
    reference: str | None = None,
    all_figures: bool = False,
) -> ReportResult:
    """Write `path`/report/ with index.html, report.md, tables and figures/; print nothing.

    `target` is one of `reports.data.targets.FORMS`; `reference` the method that absolute scores are
    relative to (jfb if it is there); `all_figures` draws every workload, however many there are.
    Raises UserError if there is nothing to report, the target or the reference is not understood,
    or the folder cannot be written to.
    """
    results = load_results(path)
    dataset, gradients = Dataset.of(results, target, reference), gradient_data(results)
    found, folder = sections(dataset, gradients), results.path / REPORT
    try:
        prepare_report(results.path, FILES)
        _write_tables(dataset, found, folder)
        found = _drawn(dataset, gradients, found, folder / FIGURES, all_figures=all_figures)
        content = page.compose_page(results, found)
        text = page.markdown(content)
        (folder / "report.md").write_text(text, encoding="utf-8")
        (folder / "index.html").write_text(page.html(content, text), encoding="utf-8")
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the report to {folder}: {reason}") from error
    measured = terminal_gradients(gradients)
    summary = "" if dataset.runs.empty and measured else terminal_summary(dataset)
    return ReportResult(folder, results.damaged, "\n\n".join(filter(None, [summary, measured])))


def _write_tables(dataset: Dataset, found: Sequence[Section], folder: Path) -> None:
    for table in (table for section in found for table in section.tables):
        write_csv(table.numbers, folder / f"{table.stem}.csv")
        (folder / f"{table.stem}.md").write_text(markdown_table(table.cells), encoding="utf-8")
    runs, curves = dataset.runs[[*RUN_COLUMNS, "label"]], dataset.results.curves
    for name, records in zip(RECORDS, (runs, curves), strict=True):
        write_csv(records, folder / name)
    if len(dataset.results.gradients):
        write_csv(dataset.results.gradients, folder / MEASUREMENTS)


def _drawn(
    dataset: Dataset,
    gradients: Sequence[GradientData],
    found: list[Section],
    folder: Path,
    *,
    all_figures: bool,
) -> list[Section]:
    """Draw the figures into `folder` and return the sections with those that belong to them."""
    # Drawing takes a second to import; an error in the target or the folder need not wait for it.
    from reports.figures import draw
    from reports.figures.view import gradient_views, views

    workloads = views(dataset)
    shown = workloads if all_figures else draw.views_drawn(workloads)
    figures = draw.draw_figures(workloads, folder, shown)
    figures += draw.draw_gradient_figures(gradient_views(gradients), folder)
    if len(shown) < len(workloads):
        found[0].notes.append(draw.note_on_views(workloads, shown))
    return [
        replace(section, figures=[each for each in figures if each.section == section.key])
        for section in found
    ]
