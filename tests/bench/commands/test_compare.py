"""`bench compare` as a command: its file, its mistakes and its exit status."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from bench.records import RunRecord, write_record
from tests.support import records as factories
from tests.support.compared import compare, folder, setting, slower_backward


@pytest.fixture
def base(tmp_path: Path) -> Path:
    return folder(tmp_path / "a")


def test_the_csv_file_has_every_change(base: Path, tmp_path: Path) -> None:
    file = tmp_path / "changes.csv"
    assert compare(base, folder(tmp_path / "b", slower_backward), "--csv", file) == 1
    table = pd.read_csv(file).set_index(["method", "measure"])
    assert table.loc[("jfb", "backward"), "change"] == pytest.approx(2.0)
    assert table.loc[("jfb", "training step"), "regression"]
    assert table["regression"].sum() == 1
    assert table.loc[("tv", "psnr"), "pairs"] == 3
    assert table.loc[("jfb", "training step"), "verdict"] == "worse"
    assert table.loc[("ift", "psnr"), "verdict"] == "same"
    assert "all" not in table.index.get_level_values("method")


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["--max-psnr-drop", "-1"], "--max-psnr-drop: -1 is not a number of at least 0"),
        (["--max-slowdown", "0.9"], "--max-slowdown: 0.9 is not a number of at least 1"),
        (["--max-memory", "nan"], "--max-memory: nan is not a number"),
        (["--max-memory", "lots"], "invalid float value"),
        (["--times", "never"], "invalid choice"),
        (["--match", "mine"], "--match: 'mine' is not of the form NEW=OLD"),
        (["--match", "jbf=jfb"], "unknown method in folder B 'jbf': did you mean 'jfb'?"),
        (["--match", "jfb=ifft"], "unknown method in folder A 'ifft': did you mean 'ift'?"),
        (["--csv", "missing/there.csv"], "missing"),
        (["train.steps=3"], "unexpected argument"),
    ],
)
def test_mistakes_are_one_line(
    base: Path,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    expected: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert compare(base, base, *arguments) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert printed.err.count("\n") == 1
    assert "bench compare: error: " in printed.err
    assert expected in printed.err


def test_folders_that_cannot_be_compared(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert compare(base, tmp_path / "nowhere") == 2
    assert "no such results folder" in capsys.readouterr().err
    other = folder(tmp_path / "b", lambda row: setting(row, noise_sigma=0.02))
    assert compare(base, other) == 2
    assert "no run of B matches one of A" in capsys.readouterr().err
    twice = folder(tmp_path / "c")
    write_record(twice, RunRecord(factories.run_row("jfb", run_id="motion-32-degrad-jfb-again")))
    assert compare(base, twice) == 2
    assert "B has several runs to compare with one: motion-32" in capsys.readouterr().err


def test_a_damaged_record_is_named_and_the_others_are_compared(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    other = folder(tmp_path / "b")
    (other / "runs" / "motion-32-none-tv-s0" / "record.json").write_text("{")
    assert compare(base, other) == 2
    printed = capsys.readouterr()
    assert "8 pairs of runs" in printed.out
    assert "bench compare: damaged record: " in printed.err
    assert "motion-32-none-tv-s0" in printed.err


def test_compare_does_not_import_torch(base: Path) -> None:
    program = (
        "import sys; from bench.cli import run_command_line;"
        f"status = run_command_line(['compare', {str(base)!r}, {str(base)!r}]);"
        "heavy = {'torch', 'deepinv', 'matplotlib'} & set(sys.modules);"
        "sys.exit(f'{status} {heavy}' if status or heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
