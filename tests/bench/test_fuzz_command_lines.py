"""Whatever is written on the command line, it ends in time, with a status and a line."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.cli import run_command_line
from bench.records import write_experiment, write_record
from tests.support import records as factories
from tests.support.command_fuzz import command_lines, write_plugins
from tests.support.harmless import within

MOST_SECONDS = 10
FEW, MANY = 60, 700
REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the commands are given, with a results folder of two runs."""
    results = tmp_path / "results"
    results.mkdir()
    write_experiment(results / "experiment.yaml", factories.EXPERIMENT)
    for method in ("ift", "jfb"):
        write_record(results, factories.run_record(method))
    write_plugins(tmp_path)
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("seed", "count"),
    [
        (11, FEW),
        pytest.param(2026, MANY, marks=[pytest.mark.soak, pytest.mark.timeout(1200)]),
    ],
)
def test_no_command_line_ends_in_a_traceback(
    folder: Path, capsys: pytest.CaptureFixture[str], seed: int, count: int
) -> None:
    before = sorted(
        [*REPOSITORY.iterdir(), *REPOSITORY.glob("results/*"), *folder.parent.iterdir()]
    )
    statuses = set()
    for line in command_lines(seed, count, folder):
        with within(MOST_SECONDS):
            status = run_command_line(line)
        printed = capsys.readouterr()
        said = f"{line}\n{printed.err}"
        assert status in (0, 1, 2), said
        assert "Traceback" not in printed.out + printed.err, said
        if status == 2:
            (message,) = printed.err.splitlines()
            assert message.startswith("bench"), said
            assert len(message) <= 1100, said
        statuses.add(status)
    assert statuses >= {0, 2}  # else the lines would all be refused for one reason
    after = sorted([*REPOSITORY.iterdir(), *REPOSITORY.glob("results/*"), *folder.parent.iterdir()])
    assert after == before
