"""The table of gradient measurements, and their part of the report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from bench.records import load_results, write_experiment, write_gradients
from reports import format
from reports.data.gradients import gradient_data
from reports.report import write_report
from reports.tables.gradients import gradients_table, terminal_gradients
from tests.support import gradient_rows
from tests.support import records as factories
from tests.support.sketches import sketched


def cells_of(folder: Path) -> dict[tuple[str, ...], dict[str, str]]:
    table = gradients_table(gradient_data(load_results(folder))).cells
    return {
        (row["size (px)"], row["state"], row["method"]): {str(k): v for k, v in row.items()}
        for row in table.to_dict("records")
    }


def test_a_row_is_the_default_budget_with_the_best_beside_it(tmp_path: Path) -> None:
    table = cells_of(gradient_rows.write_study(tmp_path))
    assert len(table) == 2 * 2 * 4
    row = table["32", "trained", "phantom"]
    assert (row["cosine"], row["relative error"], row["VJPs"]) == ("0.90000", "2.0e-1", "5")
    assert row["smallest error"] == "1.0e-1 at 10"
    assert row["backward time (ms)"] == "5.62"  # 5.12 and 6.12
    assert row["seeds"] == "2"
    assert table["16", "initial", "jfb"]["smallest error"] == "—"
    assert (
        table["32", "initial", "unrolling"]["relative error"] == "5.0e-2"
    )  # though it has no tolerance


def test_unconverged_solves_are_flagged(tmp_path: Path) -> None:
    rows = [gradient_rows.row(adjoint_converged_fraction=0.5)]
    folder = gradient_rows.write_study(tmp_path, rows)
    assert cells_of(folder)["32", "initial", "jfb"]["relative error"].endswith(" !")
    assert "! fewer than 95 %" in terminal_gradients(gradient_data(load_results(folder)))


def test_the_console_leaves_out_what_is_the_same(tmp_path: Path) -> None:
    text = terminal_gradients(gradient_data(load_results(gradient_rows.write_study(tmp_path))))
    headline, header = text.splitlines()[0], text.splitlines()[2]
    assert "problem motion, layer degrad; medians over seeds; forward tolerance 1e-4" in headline
    assert header.split()[:4] == ["size", "(px)", "state", "method"]
    assert "status" not in header


@pytest.mark.parametrize("width", [60, 80, 100])
def test_the_table_fits_a_terminal_and_breaks_no_word(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, width: int
) -> None:
    data = gradient_data(load_results(gradient_rows.write_study(tmp_path)))
    whole = terminal_gradients(data)
    monkeypatch.setattr(format, "terminal_width", lambda: width)
    text = terminal_gradients(data)
    assert max(map(len, text.splitlines())) <= width < max(map(len, whole.splitlines()))
    words, all_words = (
        {word for word in each.split() if set(word) != {"-"}} for each in (text, whole)
    )
    assert words == all_words
    assert "1.0e-1 at 10" in text


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = gradient_rows.write_study(tmp_path_factory.mktemp("study"))
    failed = gradient_rows.row("ift", 5, status="error", message="RuntimeError: <b>no</b>")
    write_gradients(folder, [*gradient_rows.study_rows(), failed])
    with sketched():
        return write_report(folder).folder


def test_a_study_without_runs_has_a_report_of_its_own(report: Path) -> None:
    for name in ("index.html", "report.md"):
        text = (report / name).read_text()
        assert "Gradients" in text
        assert "Summary" not in text
        assert "ift[max_iterations=5] at 1e-4: error" in re.sub(r"\\", "", text)
        assert "<b>no</b>" not in text


def test_every_link_leads_somewhere(report: Path) -> None:
    html = re.findall(r'(?:src|href)="([^"]+)"', (report / "index.html").read_text())
    markdown = re.findall(r"\]\(([^)]+)\)", (report / "report.md").read_text())
    for links in (html, markdown):
        assert len(links) == 3 + 3 * (3 * 2 + 1)  # tables; PNG, PDF and data of each figure
        assert all((report / link).is_file() for link in links)


@pytest.mark.usefixtures("sketches")
def test_runs_and_measurements_share_a_report(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path)
    write_experiment(folder / "experiment.yaml", {**factories.EXPERIMENT})
    write_gradients(folder, gradient_rows.study_rows(seeds=1))
    result = write_report(folder)
    text = (result.folder / "report.md").read_text()
    assert "## Summary" in text
    assert "## Gradients" in text
    assert "PSNR (dB)" in result.terminal
    assert "norm ratio" in result.terminal


@pytest.mark.usefixtures("sketches")
def test_tables_of_measurements_that_are_gone_go_too(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path, seeds=1)
    write_gradients(folder, [gradient_rows.row()])
    report = write_report(folder).folder
    assert (report / "gradients.csv").is_file()
    (folder / "gradients.csv").unlink()
    write_report(folder)
    assert not list(report.glob("gradients*"))
