"""`bench list`: aligned tables of all that is registered."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.commands.list import KINDS
from bench.registry import METHODS
from tests.support.command_line import PLUGIN, refusal

pytestmark = pytest.mark.usefixtures("registered")
Printed = pytest.CaptureFixture[str]


def test_every_table_is_shown_aligned(capsys: Printed) -> None:
    assert run_command_line(["list"]) == 0
    printed = capsys.readouterr().out
    assert KINDS == ("methods", "problems", "layers", "networks", "images", "callbacks", "presets")
    for kind in KINDS:
        assert f"{kind}\n  name" in printed
    header, *rows = [line for line in printed.split("\n\n")[0].splitlines() if line][1:]
    columns = [header.index(title) for title in header.split()]
    assert len(rows) == len(METHODS.names())
    assert all(row[column - 1] == " " and row[column] != " " for row in rows for column in columns)
    assert "steps=5 damping=0.5 weights=(1.0, 2.0)" in printed


def test_a_plugin_is_listed_with_its_file(capsys: Printed, tmp_path: Path) -> None:
    plugin = tmp_path / "mine.py"
    plugin.write_text(PLUGIN)
    assert run_command_line(["list", "methods", "--plugin", str(plugin)]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    assert f"mine gradient steps=3 My own method. (from {plugin})" in listed


def test_a_mistaken_kind_is_one_line(capsys: Printed) -> None:
    assert "did you mean 'methods'?" in refusal(capsys, "list", "metods")


def test_a_table_fits_the_terminal(capsys: Printed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bench.commands.actions._shared.terminal_width", lambda: 60)
    assert run_command_line(["list", "presets"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 60
    assert all(line.startswith("  ") for line in lines[1:] if line)
