"""Writes the report of a results folder: tables, figures and a page."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from bench.errors import UserError
from bench.records import Results, load_results
from reports import page
from reports.folder import FIGURES, REPORT, prepare_report, write_csv
from reports.data.gradients import gradient_views
from reports.tables.gradients import (
    FILES,
    failed_measurements,
    gradient_cells,
    gradient_notes,
    gradient_summary,
    terminal_gradients,
    tolerance_said,
    write_gradient_tables,
)
from reports.sections import TABLES, Section, sections
from reports.tables.summary import summary
from reports.tables.terminal import terminal_table, write_records
from reports.data.targets import DEFAULT_TARGET, named_target, resolve_target
from reports.format import markdown


@dataclass(frozen=True)
class ReportResult:
    """Where the report is, which records were damaged, and the summary for a console."""

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

    `target` is one of `reports.targets.FORMS`; `reference` the method that absolute scores are
    relative to (jfb if it is there); `all_figures` draws every problem and size, however many there
    are. Raises UserError if there is nothing to report, the target or
    the reference is not understood, or the folder cannot be written to.
    """
    results = load_results(path)
    target = named_target(results.runs, target)
    resolve_target(results.runs, target)  # refuse a bad target before anything is written
    table = summary(results, target) if len(results.runs) else results.runs
    found = sections(results, target, reference, table) if len(results.runs) else []
    folder = results.path / REPORT
    try:
        _write(results, folder, target, found, all_figures=all_figures)
    except OSError as error:
        raise UserError(
            f"cannot write the report to {folder}: {error.strerror or error}"
        ) from error
    return ReportResult(folder, results.damaged, _terminal(results, target))


def _terminal(results: Results, target: str) -> str:
    measured = terminal_gradients(results)
    if results.runs.empty and measured:
        return measured
    return "\n\n".join(filter(None, [terminal_table(results, target), measured]))


def _write(
    results: Results, folder: Path, target: str, found: list[Section], *, all_figures: bool
) -> None:
    # Drawing takes a second to import; an error in the target or the folder need not wait for it.
    from reports.figures.draw import draw_figures, places_drawn, said_of_places
    from reports.figures.view import views

    prepare_report(results.path, _FILES)
    places = views(results, target)
    shown = places if all_figures else places_drawn(places)
    drawn = draw_figures(places, folder / FIGURES, shown)
    _write_tables(results, found, folder)
    found = [
        replace(section, figures=[each for each in drawn if each.section == section.key])
        for section in found
    ]
    if len(shown) < len(places):
        found[0].notes.append(said_of_places(places, shown))
    measured = _write_gradients(results, folder)
    content = page.compose_page(results, found, measured)
    (folder / "index.html").write_text(page.html(content), encoding="utf-8")
    (folder / "report.md").write_text(page.markdown(content), encoding="utf-8")


_FILES = (
    *(f"{stem}.{kind}" for stem in TABLES for kind in ("csv", "md")),
    *(*page.RECORDS, *FILES, "index.html", "report.md"),
)


def _write_tables(results: Results, found: list[Section], folder: Path) -> None:
    for table in (table for section in found for table in section.tables):
        write_csv(table.numbers, folder / f"{table.stem}.csv")
        (folder / f"{table.stem}.md").write_text(markdown(table.cells), encoding="utf-8")
    write_records(results, folder)


def _write_gradients(results: Results, folder: Path) -> page.GradientSection | None:
    """Write the tables and figures of the measured gradients; None if there are none."""
    from reports.figures.draw import draw_gradient_figures

    measured = gradient_views(results)
    if not measured:
        return None
    table = gradient_summary(measured)
    write_gradient_tables(results, table, folder)
    return page.GradientSection(
        table=gradient_cells(table),
        said=tolerance_said(measured),
        notes=gradient_notes(table),
        figures=draw_gradient_figures(measured, folder / FIGURES),
        failed=[line for view in measured for line in failed_measurements(view.table)],
    )
