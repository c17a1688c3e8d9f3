"""What is in the way of a report: links are not written through, formulas are text."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from bench.errors import UserError
from bench.records import RunRecord, write_record
from reports import page
from reports.csv_file import write_csv
from reports.figures import draw as drawing
from reports.report import write_report
from tests.support import records as factories


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    folder = tmp_path / "outside"
    (folder / "figures").mkdir(parents=True)
    for name in ("mine", "figures/mine.png"):
        (folder / name).write_text("mine")
    return folder


@pytest.fixture
def results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in ("FIGURES", "POOLED_FIGURES"):  # what is drawn does not matter here
        monkeypatch.setattr(drawing, name, ())
    return factories.write_results(tmp_path / "results", seeds=1)


@pytest.mark.parametrize("name", ["report", "report/figures"])
def test_a_folder_that_is_a_link_is_refused(results: Path, outside: Path, name: str) -> None:
    (results / name).parent.mkdir(exist_ok=True)
    (results / name).symlink_to(outside)
    with pytest.raises(UserError, match="is a symbolic link"):
        write_report(results)
    assert sorted(os.listdir(outside)) == ["figures", "mine"]
    assert (outside / "figures" / "mine.png").read_text() == "mine"


@pytest.mark.timeout(60)
def test_links_and_pipes_in_place_of_files_are_replaced(results: Path, outside: Path) -> None:
    folder = results / "report"
    (folder / "figures").mkdir(parents=True)
    for name in ("index.html", "report.md", "runs.csv", "curves.csv", "summary.csv", "scores.md"):
        (folder / name).symlink_to(outside / "mine")
    (folder / "figures" / "gallery.png").symlink_to(outside / "mine")
    os.mkfifo(folder / "training.csv")
    write_report(results)
    assert (outside / "mine").read_text() == "mine"
    for name in ("index.html", "runs.csv", "training.csv"):
        assert (folder / name).is_file()
        assert not (folder / name).is_symlink()
    assert not (folder / "figures" / "gallery.png").is_symlink()


def test_formulas_are_text_and_numbers_stay(tmp_path: Path) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "jfb", "a=b", ""]
    table = pd.DataFrame({"name": pd.array(names, dtype="str"), "x": np.linspace(-1, 1, 8)})
    write_csv(table.assign(n=range(-4, 4)), tmp_path / "table.csv")
    read = pd.read_csv(tmp_path / "table.csv", keep_default_na=False)
    assert list(read["name"]) == ["'=1+1", "'+1", "'-1", "'@SUM(A1)", "'\t=1", "jfb", "a=b", ""]
    assert list(read["x"]) == list(table["x"])
    assert list(read["n"]) == list(range(-4, 4))


def test_numbers_and_missing_cells_are_written_as_pandas_writes_them(tmp_path: Path) -> None:
    numbers = [0.0, 1e-300, np.nan, np.inf, -0.0]
    table = pd.DataFrame(
        {
            "x": numbers,
            "repeated": [0.1 + 0.2, np.nan, 0.1 + 0.2, 1e100, 0.1 + 0.2],
            "a, b": numbers,
            "n": range(5),
            "found": [True, False, True, False, True],
            "some": pd.array([1, None, 3, None, 2**60], dtype="Int64"),
            "text": pd.array(["a,b", None, 'say "no"', "two\nlines", ""], dtype="str"),
            "mixed": [1.5, None, "word", np.nan, 2],
        }
    )
    write_csv(table, tmp_path / "table.csv")
    table.to_csv(tmp_path / "expected.csv", index=False)
    assert (tmp_path / "table.csv").read_bytes() == (tmp_path / "expected.csv").read_bytes()


def test_formulas_in_records_reach_no_table(results: Path) -> None:
    row = factories.run_row("=cmd|'/c calc'!A1", problem="@x", run_id="=x", message="+1")

    write_record(results, RunRecord({**row, "status": "error"}))
    folder = write_report(results).folder
    for table in folder.rglob("*.csv"):
        read = pd.read_csv(table, dtype=str, keep_default_na=False)
        for name in set(read) & {"run_id", "problem", "method", "message", "label", "legend"}:
            assert not read[name].str.match(r"[=+@-]").any(), (table.name, name)


def test_a_long_configuration_is_cut_on_the_page() -> None:
    whole = {"a": {"b": list(range(100))}}
    assert page.settings(whole).count("\n") == 102
    cut = page.settings({"a": [{"b": list(range(100))}] * 1000, "z": 1})
    assert cut.count("\n") < page.MOST_SETTINGS + 10
    assert "the rest is in experiment.yaml" in cut
