"""`bench report`: what it asks of the report, and how it names what is damaged."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.cli import run_command_line
from tests.support.command_line import refusal

Printed = pytest.CaptureFixture[str]


def test_options_are_passed_on_and_damaged_records_named(
    capsys: Printed, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[dict[str, object]] = []
    damaged: list[str] = []
    problems: list[str] = []

    def write_report(path: Path, **options: object) -> SimpleNamespace:
        asked.append({"path": path, **options})
        found = {"damaged": damaged, "terminal": "THE TABLE", "problems": problems}
        return SimpleNamespace(folder=path / "report", **found)

    monkeypatch.setitem(sys.modules, "reports.report", SimpleNamespace(write_report=write_report))
    options = ["--target", "psnr=30", "--reference", "ift", "--figures", "all"]
    options += ["--style", "paper", "--parquet"]
    assert run_command_line(["report", str(tmp_path), *options]) == 0
    assert asked.pop() == {
        "path": tmp_path,
        "target": "psnr=30",
        "reference": "ift",
        "all_figures": True,
        "style": "paper",
        "parquet": True,
    }
    assert capsys.readouterr().out == f"THE TABLE\nreport:  {tmp_path / 'report'}\n"
    problems.append("figure ranks could not be drawn: too few")
    assert run_command_line(["report", str(tmp_path)]) == 0
    warned = "bench report: warning: figure ranks could not be drawn: too few\n"
    assert capsys.readouterr().err == warned
    asked.clear()
    damaged.append("runs/a: truncated")
    assert run_command_line(["report", str(tmp_path)]) == 2
    assert "bench report: damaged record: runs/a: truncated" in capsys.readouterr().err
    assert asked.pop() == {
        "path": tmp_path,
        "target": "auto",
        "reference": None,
        "all_figures": False,
        "style": "screen",
        "parquet": False,
    }


def test_mistakes_are_one_line(capsys: Printed, tmp_path: Path) -> None:
    assert "the following arguments are required: folder" in refusal(capsys, "report")
    assert "unexpected argument" in refusal(capsys, "report", tmp_path, "train.steps=3")
    assert "no such results folder" in refusal(capsys, "report", tmp_path / "none")
