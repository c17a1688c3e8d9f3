"""Writes one leaderboard of several results folders: a table and a page."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from bench.errors import UserError, suggestion
from bench.records import load_results
from bench.records.model import EXPERIMENT
from reports import page
from reports.attempts import attempted, quiet
from reports.comparison.differences import differences
from reports.comparison.matching import match_runs
from reports.data.dataset import DEFAULT_REFERENCE, Dataset
from reports.folder import write_csv
from reports.format import LONGEST, listed, markdown_table, printable, terminal_table
from reports.sections import Section
from reports.tables.leaderboard import folders_table, leaderboard_table
from reports.tables.table import Table

MOST_SETTINGS = 6  # that are named, of those in which two folders differ


@dataclass(frozen=True)
class Leaderboard:
    """Where it is, which folders and records are not in it and why, and the table for a terminal.

    problems: a sentence for each table that could not be made.
    """

    folder: Path
    left_out: list[str]
    damaged: list[str]
    terminal: str
    problems: list[str]


def write_leaderboard(
    paths: Sequence[Path], out: Path, *, reference: str | None = None
) -> Leaderboard:
    """Write `out`/index.html, report.md and the tables of the runs in all folders; print nothing.

    A folder that cannot be read, or is given twice, is left out and named. reference: the method
    that differences are from; jfb if it is there. Raises UserError where no folder is left, none
    has the reference, or `out` cannot be written to.
    """
    left_out: list[str] = []
    folders = _read(paths, left_out)
    if not folders:
        raise UserError("; ".join(left_out))
    reference = _reference(reference, folders)
    problems: list[str] = []
    with quiet():
        tables = {
            "leaderboard": lambda: leaderboard_table(folders, reference),
            "folders": lambda: folders_table(folders),
        }
        made = [attempted(f"table {name}", make, problems) for name, make in tables.items()]
        settings = attempted("list of settings", lambda: _settings(folders), problems) or []
    board, about = made
    damaged = [line for each in folders.values() for line in each.results.damaged]
    notes = [*(f"Left out: {reason}" for reason in left_out), *settings]
    content = _page(folders, board, about, notes, damaged, problems)
    try:
        _write(content, [table for table in made if table is not None], out)
    except OSError as error:
        reason = error.strerror or error
        raise UserError(f"cannot write the leaderboard to {out}: {reason}") from error
    return Leaderboard(out, left_out, damaged, _terminal(board), problems)


def _read(paths: Sequence[Path], left_out: list[str]) -> dict[str, Dataset]:
    """Read the folders that can be read, by the names that the leaderboard has for them."""
    found: dict[Path, Dataset] = {}
    for path in paths:
        if any(path.resolve() == other.resolve() for other in found):
            left_out.append(f"{path}: is given twice, and counts once")
            continue
        try:
            dataset = Dataset.of(load_results(path))
            if dataset.runs.empty:
                raise UserError(f"{path}: has no readable record of a run")
        except UserError as error:
            left_out.append(str(error))
        else:
            found[path] = dataset
    return dict(zip(_names(list(found)), found.values(), strict=True))


def _names(paths: Sequence[Path]) -> list[str]:
    """Return a name for each of different folders: as much of its path as tells them apart."""
    depth, names = 1, [path.resolve().name for path in paths]
    while len(set(names)) < len(paths):
        depth += 1
        names = ["/".join(path.resolve().parts[-depth:]) for path in paths]
    written = [printable(name, 80) for name in names]
    return [
        f"{name} #{number}" if written.count(name) > 1 else name
        for number, name in enumerate(written, 1)
    ]


def _reference(wanted: str | None, folders: Mapping[str, Dataset]) -> str:
    methods = list(dict.fromkeys(name for each in folders.values() for name in each.runs["label"]))
    if wanted is None:
        return DEFAULT_REFERENCE if DEFAULT_REFERENCE in methods else ""
    if wanted not in methods:
        raise UserError(
            f"reference {wanted!r} is not in the results: {suggestion(wanted, methods)}"
        )
    return wanted


def _settings(folders: Mapping[str, Dataset]) -> list[str]:
    """Return a sentence for each folder whose runs have other settings than those of the first."""
    (first, base), *others = folders.items()
    notes = []
    for name, dataset in others:
        try:
            pairs = match_runs(base.runs, dataset.runs).pairs
        except UserError:  # they have no run in common
            continue
        changed = differences(base.results, dataset.results, pairs).get("settings", [])
        if changed:
            shown = listed(changed, MOST_SETTINGS)
            notes.append(f"Runs of {name} have other settings than those of {first}: {shown}")
    return notes


def _page(
    folders: Mapping[str, Dataset],
    board: Table | None,
    about: Table | None,
    notes: Sequence[str],
    damaged: Sequence[str],
    problems: Sequence[str],
) -> page.Page:
    sections = [
        Section(table.stem, table.stem.capitalize(), "", [table], [*table.notes, *more])
        for table, more in ((board, ()), (about, notes))
        if table is not None
    ]
    described = "\n".join(
        f"# {name}\n{page.settings(each.results.experiment)}" for name, each in folders.items()
    )
    return page.Page(
        title=f"Leaderboard of {listed(list(folders), 6)}",
        headline=[],
        facts={},
        sections=sections,
        failed=[],
        damaged=[printable(line, 400) for line in damaged],
        problems=[printable(line, LONGEST) for line in problems],
        settings=described,
    )


def _write(content: page.Page, tables: Sequence[Table], out: Path) -> None:
    """Write all files beside the old ones, which they then replace."""
    if os.path.lexists(out / EXPERIMENT):
        raise OSError(None, "it is a results folder; choose another with --out")
    out.mkdir(parents=True, exist_ok=True)
    text = page.markdown(content)
    with TemporaryDirectory(prefix=".leaderboard-", dir=out) as name:
        draft = Path(name)
        for table in tables:
            write_csv(table.numbers, draft / f"{table.stem}.csv")
            cells = markdown_table(table.cells)
            (draft / f"{table.stem}.md").write_text(cells, encoding="utf-8")
        (draft / "report.md").write_text(text, encoding="utf-8")
        (draft / "index.html").write_text(page.html(content, text), encoding="utf-8")
        for file in sorted(draft.iterdir()):
            os.replace(file, out / file.name)


def _terminal(board: Table | None) -> str:
    return "" if board is None or board.numbers.empty else terminal_table(board.cells)
