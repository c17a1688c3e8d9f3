"""`bench status`: how far the runs of a folder are, and which of them need attention."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.experiment.claims import Claims
from bench.experiment.folder import prepare_folder
from tests.support.command_line import refusal
from tests.support.stored_runs import damage, four_runs, store

pytestmark = pytest.mark.usefixtures("registered")
Printed = pytest.CaptureFixture[str]


def status(printed: Printed, *arguments: object) -> list[str]:
    assert run_command_line(["status", *map(str, arguments)]) == 0
    return printed.readouterr().out.splitlines()


def test_status_counts_and_names_what_needs_attention(tmp_path: Path, capsys: Printed) -> None:
    specs = four_runs()
    prepare_folder(tmp_path, specs, {})
    store(tmp_path, specs[0])
    store(tmp_path, specs[1], status="error", message="a \x1b[31mfault")
    claim = Claims(tmp_path).take(specs[2].run_id)
    assert claim is not None
    lines = status(capsys, tmp_path)
    columns = ["problem", "size", "layer", "method", "done", "failed", "running", "missing"]
    assert lines[0].split() == columns
    assert [line.split()[:4] for line in lines[1:3]] == [
        ["motion", "32", "degrad", "jfb"],
        ["motion", "32", "tv", "1"],
    ]
    assert f"running  {specs[2].run_id} (process {os.getpid()} on " in lines[4]
    assert lines[5] == f"failed   {specs[1].run_id} (error: a ?[31mfault)"
    assert lines[-1] == f"{tmp_path}: 4 runs: 1 done, 1 failed, 1 running, 1 missing"
    every = status(capsys, "--all", tmp_path)
    assert [line.split()[0] for line in every[:4]] == ["done", "failed", "running", "missing"]


def test_a_damaged_run_is_named_with_its_reason(tmp_path: Path, capsys: Printed) -> None:
    specs = four_runs()
    prepare_folder(tmp_path, specs, {})
    damage(tmp_path, specs[0])
    lines = status(capsys, tmp_path)
    assert [line for line in lines if line.startswith(f"damaged  {specs[0].run_id} (")]
    assert lines[-1].endswith("4 runs: 1 damaged, 3 missing")


def test_what_is_no_results_folder_is_one_line(tmp_path: Path, capsys: Printed) -> None:
    assert "experiment.yaml" in refusal(capsys, "status", tmp_path)
    (tmp_path / "experiment.yaml").write_text("{}")
    assert "neither planned runs nor records" in refusal(capsys, "status", tmp_path)
