"""Records as Parquet files: the same values and types, and one line without the library."""

from __future__ import annotations

import importlib.util
from dataclasses import fields
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import run_command_line
from bench.errors import UserError
from bench.records import Results, load_results, parquet
from tests.support import gradient_rows
from tests.support import records as factories
from tests.support.sketches import sketched

TABLES = tuple(each.name for each in fields(Results) if each.type == "pd.DataFrame")


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Results:
    folder = factories.write_results(tmp_path_factory.mktemp("results"), seeds=2)
    gradient_rows.write_study(folder)
    return load_results(folder)


@pytest.fixture
def without_pyarrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)


def test_values_and_types_come_back(results: Results, tmp_path: Path) -> None:
    paths = results.to_parquet(tmp_path / "new" / "records")
    assert [path.name for path in paths] == [f"{name}.parquet" for name in TABLES]
    for name, path in zip(TABLES, paths, strict=True):
        table = getattr(results, name)
        pd.testing.assert_frame_equal(pd.read_parquet(path), table.reset_index(drop=True))
        assert len(table) > 0


def test_an_empty_table_keeps_its_columns(tmp_path: Path) -> None:
    results = load_results(gradient_rows.write_study(tmp_path / "study"))
    path = results.to_parquet(tmp_path / "records")[0]
    pd.testing.assert_frame_equal(pd.read_parquet(path), results.runs)
    assert results.runs.empty


@pytest.mark.usefixtures("without_pyarrow")
def test_a_missing_library_is_said_before_a_report_is_made(
    results: Results, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(UserError, match=r"pip install 'implicit-bench\[parquet\]'"):
        parquet.check_parquet()
    assert run_command_line(["report", str(results.path), "--parquet"]) == 2
    assert capsys.readouterr().err.count("\n") == 1
    assert not (results.path / "report").exists()


def test_a_folder_that_cannot_be_made_is_a_user_error(results: Results, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(UserError, match="cannot write"):
        results.to_parquet(tmp_path / "file" / "records")


def test_report_writes_the_records_and_the_next_removes_them(tmp_path: Path) -> None:
    folder = factories.write_results(tmp_path, seeds=1)
    with sketched():
        assert run_command_line(["report", str(folder), "--parquet"]) == 0
        written = folder / "report" / "records"
        runs = pd.read_parquet(written / "runs.parquet")
        pd.testing.assert_frame_equal(runs, load_results(folder).runs)
        assert run_command_line(["report", str(folder)]) == 0
    assert not written.exists()
