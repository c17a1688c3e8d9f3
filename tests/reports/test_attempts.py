"""One figure or table that cannot be made is named; the rest of the report is there."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure

from bench.cli import run_command_line
from bench.errors import UserError
from reports import report, sections
from reports.attempts import attempted, quiet
from reports.data.dataset import Dataset
from reports.figures import draw as drawing
from reports.figures import peak_memory, ranks
from reports.report import write_report
from reports.tables import summary
from reports.tables.summary import summary_table
from reports.tables.table import Table
from tests.support import records as factories

REASON = "ValueError: Axis limits cannot be \x1b[2J NaN\nor Inf"
SHOWN = "ValueError: Axis limits cannot be ?[2J NaN"


def fail(*_: object) -> None:
    raise ValueError(REASON.partition(": ")[2])


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(drawing, "FIGURES", (peak_memory,))
    monkeypatch.setattr(drawing, "POOLED_FIGURES", (ranks,))
    return factories.write_results(tmp_path / "results", seeds=2)


def test_a_figure_that_cannot_be_drawn_is_named_everywhere(
    results: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(peak_memory, "draw", fail)
    assert run_command_line(["report", str(results)]) == 0
    said = f"figure peak_memory (motion, 32×32 px) could not be drawn: {SHOWN}"
    assert f"bench report: warning: {said}\n" == capsys.readouterr().err
    folder = results / "report"
    assert said in (folder / "index.html").read_text()
    markdown = (folder / "report.md").read_text()
    assert "## Missing figures and tables" in markdown
    assert "figure peak_memory (motion, 32×32 px) could not be drawn: ValueError" in markdown
    assert {path.name for path in (folder / "figures").iterdir()} == {
        *("ranks.png", "ranks.pdf", "ranks.csv")
    }


def test_half_a_figure_is_removed(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def save(figure: Figure, stem: Path) -> None:
        stem.with_suffix(".png").write_text("half")
        fail()

    monkeypatch.setattr(drawing, "save", save)
    made = write_report(results)
    assert len(made.problems) == 2
    assert list((made.folder / "figures").iterdir()) == []


def test_a_table_that_cannot_be_made_is_named_and_the_others_are_there(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sections, "training_table", _named(fail, "training_table"))
    memory_law = sections.memory_law_table

    def unwritable(dataset: Dataset) -> Table:
        table = memory_law(dataset)
        return Table(table.stem, table.numbers, {"a head": lambda row: str(row["missing"])})

    monkeypatch.setattr(sections, "memory_law_table", _named(unwritable, "memory_law_table"))
    made = write_report(results)
    assert made.problems == [
        f"table training could not be made: {SHOWN}",
        "table memory_law could not be made: KeyError: 'missing'",
    ]
    names = {path.name for path in made.folder.glob("*.csv")}
    assert {"summary.csv", "phases.csv", "scores.csv", "runs.csv"} <= names
    assert not names & {"training.csv", "memory_law.csv"}
    assert "training.csv" not in (made.folder / "report.md").read_text()


def _named(function: object, name: str) -> object:
    function.__name__ = name  # type: ignore[attr-defined]
    return function


def test_records_are_reported_where_nothing_can_be_derived_from_them(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Dataset, "of", fail)
    made = write_report(results)
    assert made.problems == [f"everything on runs could not be made: {SHOWN}"]
    assert len((made.folder / "runs.csv").read_text().splitlines()) == 1 + 14
    assert SHOWN in (made.folder / "index.html").read_text()


def test_without_figures_there_are_tables(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(drawing, "views", fail)
    made = write_report(results)
    assert made.problems == [f"figures of runs could not be made: {SHOWN}"]
    assert (made.folder / "summary.csv").is_file()


def test_a_summary_that_cannot_be_made_is_named(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(report, "terminal_summary", fail)
    made = write_report(results)
    assert made.terminal == ""
    assert made.problems == [f"summary for the terminal could not be made: {SHOWN}"]


@pytest.mark.parametrize("error", [UserError("target?"), OSError(28, "full"), KeyboardInterrupt()])
def test_what_is_no_fault_of_the_numbers_is_raised(error: BaseException) -> None:
    def make() -> None:
        raise error

    problems: list[str] = []
    with pytest.raises(type(error)):
        attempted("it", make, problems)
    assert problems == []


def test_libraries_are_quiet_while_they_work(
    results: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    def draw(view: object) -> Figure:
        logging.getLogger("matplotlib.font_manager").warning("findfont: Font family not found")
        logging.getLogger("fontTools.subset").error("a glyph is missing")
        warnings.warn("constrained_layout not applied", UserWarning, stacklevel=1)
        np.float64(1e300) * np.float64(1e300)
        figure = Figure(figsize=(1, 1))
        figure.suptitle("中文 🙂 \ue000 $\\frac{")  # a private glyph, and no formula
        return figure

    monkeypatch.setattr(peak_memory, "draw", peak_memory.canvas.themed(draw))
    made = write_report(results)
    assert made.problems == []
    assert (made.folder / "figures" / "peak_memory.pdf").stat().st_size > 0
    assert caplog.records == []
    assert capfd.readouterr().err == ""


def test_loggers_and_warnings_are_as_before(caplog: pytest.LogCaptureFixture) -> None:
    logger, filters = logging.getLogger("matplotlib"), list(warnings.filters)
    with caplog.at_level(logging.INFO, "matplotlib"):
        with quiet():
            assert not logger.isEnabledFor(logging.CRITICAL)
        assert logger.level == logging.INFO
    assert warnings.filters == filters


def test_the_summary_is_made_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = []

    def counted(dataset: Dataset) -> Table:
        made.append(dataset)
        return summary_table(dataset)

    counted.__name__ = "summary_table"
    for module in (sections, summary):
        monkeypatch.setattr(module, "summary_table", counted)
    assert "mean ± std over seeds" in write_report(results).terminal
    assert len(made) == 1
