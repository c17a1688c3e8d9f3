"""Writes the report of a results folder: tables, figures and a page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from bench.beside import beside
from bench.errors import UserError
from bench.records import RUN_COLUMNS, Results, check_parquet, load_results
from reports import page
from reports.attempts import attempted, quiet
from reports.data.dataset import Dataset
from reports.data.gradients import GradientData, gradient_data
from reports.data.headline import headline
from reports.data.targets import DEFAULT_TARGET
from reports.explorer.page import Explorer, with_figures_inside
from reports.figures.drawn import Drawn
from reports.folder import FIGURES, LATEX, PARQUET, REPORT, new_report, write_csv
from reports.format import markdown_table, terminal_lines
from reports.sections import (
    GRADIENT_TABLES,
    MEASUREMENTS,
    RECORDS,
    TABLES,
    Section,
    copied_records,
    sections,
)
from reports.tables.gradients import terminal_gradients
from reports.tables.summary import terminal_summary
from reports.tables.table import Table

FILES = (
    *(f"{stem}.{kind}" for stem in (*TABLES, *GRADIENT_TABLES) for kind in ("csv", "md")),
    *(*RECORDS, MEASUREMENTS, "index.html", "report.md"),
)

MANY_RUNS = 2000  # their tables take half a second, beside which figures are drawn


@dataclass(frozen=True)
class ReportResult:
    """Where the report is, which records were damaged, and the summary for a terminal.

    problems: a sentence for each figure and table that could not be made, which the page has too.
    """

    folder: Path
    damaged: list[str]
    terminal: str
    problems: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class _Source:
    """What a report is made from; dataset: None where nothing could be derived from the runs."""

    results: Results
    dataset: Dataset | None
    gradients: Sequence[GradientData]
    findings: list[str]
    problems: list[str]


def write_report(
    path: Path | str,
    *,
    target: str = DEFAULT_TARGET,
    reference: str | None = None,
    all_figures: bool = False,
    style: str = "screen",
    parquet: bool = False,
) -> ReportResult:
    """Write `path`/report/ with index.html, report.md, tables and figures/; print nothing.

    An earlier report is replaced once the new one is complete. `target` is one of
    `reports.data.targets.FORMS`; `reference` the method that absolute scores are relative to (jfb
    if it is there); `all_figures` draws every workload, however many there are; `style` is screen
    or paper, which draws figures for one and for two columns, without headings, and writes
    tables/*.tex; `parquet` writes the records to records/*.parquet as well. What cannot be made
    from the records is left out, and named in the page and in the result. Raises UserError if there
    is nothing to report, the target or the reference is not understood, pyarrow is missing, or the
    folder cannot be written to.
    """
    if parquet:
        check_parquet()  # before the work of a report
    source = _read(load_results(path), target, reference)
    folder = source.results.path / REPORT
    try:
        with new_report(source.results.path, FILES) as draft:
            table = _write(source, draft, all_figures, style)
            if parquet:
                source.results.to_parquet(draft / PARQUET)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the report to {folder}: {reason}") from error
    terminal = attempted(
        "summary for the terminal", lambda: _terminal(source, table), source.problems
    )
    return ReportResult(folder, source.results.damaged, terminal or "", source.problems)


def _read(results: Results, target: str, reference: str | None) -> _Source:
    problems: list[str] = []
    dataset = attempted(
        "everything on runs", lambda: Dataset.of(results, target, reference), problems
    )
    gradients = attempted("everything on gradients", lambda: gradient_data(results), problems)
    findings = attempted("list of findings", lambda: headline(dataset), problems)
    return _Source(results, dataset, gradients or [], findings or [], problems)


def _write(source: _Source, folder: Path, all_figures: bool, style: str) -> Table | None:
    """Write the report into a folder and return the table of the summary, if there is one."""
    draw = partial(_drawn, source, folder / FIGURES, all_figures, style)
    with beside(draw) if len(source.results.runs) >= MANY_RUNS else nullcontext(draw) as drawn:
        found = sections(source.dataset, source.results.curves, source.gradients, source.problems)
        found = _with_tables(found, folder, source.problems)
        if style == "paper":
            _write_latex(found, folder / LATEX, source.problems)
        _write_records(source, folder)
        found = _with_figures(found, drawn, source.problems)
    content = page.compose_page(source.results, found, source.problems, source.findings)
    text = page.markdown(content)
    (folder / "report.md").write_text(text, encoding="utf-8")
    shown = attempted("interactive part of the page", lambda: _explorer(source), source.problems)
    html = with_figures_inside(page.html(content, text, shown), folder)
    (folder / "index.html").write_text(html, encoding="utf-8")
    tables = (table for each in found for table in each.tables)
    return next((table for table in tables if table.stem == "summary"), None)


def _explorer(source: _Source) -> Explorer | None:
    # Its libraries take half a second to import; an error in the target need not wait for it.
    from reports.explorer.page import explorer

    return None if source.dataset is None else explorer(source.dataset)


def _with_tables(found: Sequence[Section], folder: Path, problems: list[str]) -> list[Section]:
    """Write the tables and return the sections with those that could be written."""

    def is_written(table: Table) -> bool:
        what = f"table {table.stem}"
        return bool(attempted(what, lambda: _write_table(table, folder), problems))

    return [replace(each, tables=[t for t in each.tables if is_written(t)]) for each in found]


def _write_table(table: Table, folder: Path) -> bool:
    text = markdown_table(table.cells)
    write_csv(table.numbers, folder / f"{table.stem}.csv")
    (folder / f"{table.stem}.md").write_text(text, encoding="utf-8")
    return True


def _write_latex(found: Sequence[Section], folder: Path, problems: list[str]) -> None:
    # What styles a table takes a tenth of a second to load, and only a paper needs it.
    from reports.tables.latex import latex_table

    folder.mkdir()
    for table in (table for each in found for table in each.tables):
        what = f"table {table.stem} in LaTeX"
        text = attempted(what, partial(latex_table, table), problems)
        if text is not None:
            (folder / f"{table.stem}.tex").write_text(text, encoding="utf-8")


def _write_records(source: _Source, folder: Path) -> None:
    runs, results = source.results.runs, source.results
    if source.dataset is not None:
        runs = source.dataset.runs[[*RUN_COLUMNS, "label"]]
    records = dict(zip(RECORDS, (runs, results.curves), strict=True))
    for name in copied_records(results.curves):
        write_csv(records[name], folder / name)
    if len(results.gradients):
        write_csv(results.gradients, folder / MEASUREMENTS)


def _drawn(source: _Source, folder: Path, all_figures: bool, style: str) -> Drawn:
    # Drawing takes a third of a second to import; an error in the target need not wait for it.
    from reports.figures import draw

    with quiet():
        return draw.draw_all(
            source.dataset, source.gradients, folder, all_figures=all_figures, style=style
        )


def _with_figures(
    found: list[Section], drawn: Callable[[], Drawn], problems: list[str]
) -> list[Section]:
    """Return the sections with the figures that belong to them, once they are drawn."""
    figures = attempted("all figures", drawn, problems)
    if figures is None:
        return found
    problems.extend(figures.problems)
    if figures.note:
        found[0].notes.append(figures.note)
    return [
        replace(each, figures=[figure for figure in figures.files if figure.section == each.key])
        for each in found
    ]


def _terminal(source: _Source, table: Table | None) -> str:
    measured = terminal_gradients(source.gradients)
    dataset = source.dataset
    is_shown = dataset is not None and not (dataset.runs.empty and measured)
    summary = terminal_summary(dataset, table) if dataset is not None and is_shown else ""
    found = "\n".join(terminal_lines(*(f"- {finding}" for finding in source.findings)))
    return "\n\n".join(filter(None, [summary, found, measured]))
