"""Three hundred hostile folders through the commands: no traceback, no hang, nothing outside."""

from __future__ import annotations

import contextlib
import io
import random
import shutil
from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.experiment.folder import prepare_folder
from bench.experiment.identity import identity
from bench.records import write_record
from reports.figures import draw as drawing
from tests.support import records as factories
from tests.support.harmless import snapshot, within
from tests.support.hostile_folders import mutate
from tests.support.stored_runs import four_runs

CASES, SEED, SECONDS = 300, 20261125, 10
FEW = 12  # of the cases, unless all are asked for
GRID = ["--methods", "jfb,tv", "--sizes", "32", "--seeds", "2", "--device", "cpu"]
pytestmark = pytest.mark.usefixtures("registered")


@pytest.fixture
def good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four runs as they were made, with no figure to draw: drawing takes seconds."""
    for name in ("FIGURES", "POOLED_FIGURES", "GRADIENT_FIGURES"):
        monkeypatch.setattr(drawing, name, ())
    folder, specs = tmp_path / "good", four_runs()
    prepare_folder(folder, specs, {})
    for spec in specs:
        record = factories.run_record(spec.method, spec.seed)
        tables = {
            name: [{**row, "run_id": spec.run_id} for row in getattr(record, name)]
            for name in ("curve", "steps", "reconstruction", "memory", "images")
        }
        row = {**record.row, **identity(spec)}
        write_record(folder, type(record)(row, samples=record.samples, **tables))
    return folder


def canary_of(sandbox: Path) -> Path:
    """A folder outside, with what a command might read, write or remove in one of its own."""
    canary = sandbox / "canary"
    for name in ("runs/run/record.json", "claims/claim", "figures/a.png", "secret"):
        (canary / name).parent.mkdir(parents=True, exist_ok=True)
        (canary / name).write_text("a secret of the user")
    return canary


def said_by(arguments: list[str]) -> str:
    """All that a command prints, which ends with a sensible status in time."""
    printed = io.StringIO()
    with (
        within(SECONDS),
        contextlib.redirect_stdout(printed),
        contextlib.redirect_stderr(printed),
    ):
        status = run_command_line(arguments)
    assert status in (0, 1, 2), f"exit status {status}"
    return printed.getvalue()


@pytest.mark.timeout(1800)
@pytest.mark.parametrize(
    "cases", [range(FEW), pytest.param(range(FEW, CASES), marks=pytest.mark.soak)], ids=str
)
def test_no_hostile_folder_does_harm(good: Path, tmp_path: Path, cases: range) -> None:
    canary, folder = canary_of(tmp_path), tmp_path / "case" / "results"
    before = snapshot(canary.rglob("*"))
    for case in cases:
        shutil.rmtree(folder.parent, ignore_errors=True)
        shutil.copytree(good, folder)
        names = mutate(folder, canary, random.Random(SEED + case))
        for arguments in (
            ["status", str(folder)],
            ["run", *GRID, "--out", str(folder), "--dry-run"],
            ["compare", str(good), str(folder)],
            ["compare", str(folder), str(good)],
            ["report", str(folder)],
        ):
            try:
                said = said_by(arguments)
                assert "Traceback" not in said
                assert "a secret of the user" not in said
                assert snapshot(canary.rglob("*")) == before, "something outside was touched"
            except BaseException as error:
                error.add_note(f"case {case}: {names}: {arguments[0]}")
                raise
