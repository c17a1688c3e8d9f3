"""`bench report`: what it asks of the report, and how it names what is damaged."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from bench.cli import run_command_line
from bench.commands.actions import _watching
from bench.errors import UserError
from bench.records import Plan, RunRecord, write_experiment, write_plan, write_record
from tests.support import records as factories
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
    assert "unknown option" in refusal(capsys, "report", tmp_path, "--steps=3")
    assert "no such results folder" in refusal(capsys, "report", tmp_path / "none")
    assert "No such file" in refusal(capsys, "report", tmp_path / "none", "--watch")
    for given in ("soon", "0", "nan"):
        line = refusal(capsys, "report", tmp_path, "--watch", given)
        assert f"argument --watch: {given!r} is not a number of seconds" in line


# ------------------------------------------------------------------------------------------ watch


@pytest.fixture
def growing(tmp_path: Path) -> Path:
    """A results folder with three planned runs and no record."""
    write_experiment(tmp_path / "experiment.yaml", {"configurations": {"a": {"method": "jfb"}}})
    planned = (str(factories.run_row("jfb", seed)["run_id"]) for seed in range(3))
    write_plan(tmp_path, Plan({}, {run_id: ("a", n) for n, run_id in enumerate(planned)}))
    return tmp_path


@pytest.fixture
def reports(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of records at each report that was made."""
    made: list[int] = []

    def write_report(path: Path, **_: object) -> SimpleNamespace:
        made.append(len(list((path / "runs").iterdir())))
        if made[-1] == 1:
            raise UserError("target tv+0.5: no completed tv run")
        problems = ["figure ranks could not be drawn"] if made[-1] == 2 else []
        found = {"damaged": [], "terminal": "THE TABLE", "problems": problems}
        return SimpleNamespace(folder=path / "report", **found)

    monkeypatch.setitem(sys.modules, "reports.report", SimpleNamespace(write_report=write_report))
    return made


def meanwhile(monkeypatch: pytest.MonkeyPatch, *events: Callable[[], object]) -> list[float]:
    """What happens while the command waits; returns the seconds that it was asked to wait."""
    waited: list[float] = []
    following: Iterator[Callable[[], object]] = iter(events)

    def sleep(seconds: float) -> None:
        waited.append(seconds)
        next(following)()

    monkeypatch.setattr(_watching.time, "sleep", sleep)
    return waited


def written_in(folder: Path, seed: int) -> Callable[[], Path]:
    return lambda: write_record(folder, RunRecord(factories.run_row("jfb", seed, steps=None)))


def test_the_report_is_renewed_with_each_record_until_all_runs_have_ended(
    growing: Path, reports: list[int], monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    first, second, third = (written_in(growing, seed) for seed in range(3))
    nothing = int
    waited = meanwhile(monkeypatch, nothing, first, nothing, second, third)
    assert run_command_line(["report", str(growing), "--watch", "7"]) == 0
    assert reports == [1, 2, 3]
    assert waited == [7.0] * 5
    printed = capsys.readouterr()
    assert printed.out == f"THE TABLE\nreport:  {growing / 'report'}\n"
    lines = [re.sub(r"^\d\d:\d\d:\d\d ", "", line) for line in printed.err.splitlines()]
    assert lines == [
        "[0/3] no record yet (3 missing)",
        "[1/3] no report: target tv+0.5: no completed tv run (1 done, 2 missing)",
        "[2/3] report renewed, with 1 warning (2 done, 1 missing)",
    ]


def test_a_run_that_is_made_again_renews_the_report(
    growing: Path, reports: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    def again() -> None:
        row = factories.run_row("jfb", 1, steps=None, started_at="2026-02-02T12:00:00+00:00")
        write_record(growing, RunRecord(row))

    for seed in range(2):
        written_in(growing, seed)()
    meanwhile(monkeypatch, again, written_in(growing, 2))
    assert run_command_line(["report", str(growing), "--watch"]) == 0
    assert reports == [2, 2, 3]


def test_an_interrupted_watch_ends_as_other_commands_do(
    growing: Path, reports: list[int], monkeypatch: pytest.MonkeyPatch, capsys: Printed
) -> None:
    def interrupt() -> None:
        raise KeyboardInterrupt

    meanwhile(monkeypatch, interrupt)
    assert run_command_line(["report", str(growing), "--watch"]) == 130
    assert capsys.readouterr().err.endswith("bench report: interrupted\n")
    assert reports == []
