"""Repeats as the real command makes them: half before the grid, half after it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.records import read_experiment, read_record, read_rows
from tests.support import cheap_runs


def started(folder: Path) -> dict[str, str]:
    return {str(row["run_id"]): str(row["started_at"]) for row in read_rows(folder).rows}


def test_repeats_are_made_around_the_grid_and_resumed(tmp_path: Path) -> None:
    results, folder = tmp_path / "results", tmp_path / "results" / "repeats"
    command = cheap_runs.command(results, "cheap", "--repeats", "3", seeds=1)
    done = cheap_runs.run(command)
    assert done.returncode == 0, done.stderr
    (grid,) = started(results).values()
    first, second, third = (started(folder)[name] for name in sorted(started(folder)))
    assert first < second < grid < third
    assert "2 repeats of gaussian 16 cheap seed 0 before the grid" in done.stderr
    assert "1 repeat of gaussian 16 cheap seed 0 after the grid" in done.stderr
    assert "--repeats 3" in read_experiment(folder / "experiment.yaml")["command_line"]
    _assert_equal_but_for_times(folder, results)
    before = started(folder)
    lost = max(before)
    shutil.rmtree(folder / "runs" / lost)
    assert cheap_runs.run(command).returncode == 0
    after = started(folder)
    assert {name for name in before if before[name] != after[name]} == {lost}
    assert not list(cheap_runs.leftovers(folder))


def _assert_equal_but_for_times(folder: Path, results: Path) -> None:
    (name,) = started(results)
    own = read_record(results / "runs" / name).row
    for run_id in started(folder):
        row = read_record(folder / "runs" / run_id).row
        assert run_id.startswith(f"{name}-r")
        for column in ("config_hash", "code_version", "psnr", "seed", "fingerprint"):
            assert row[column] == own[column]


@pytest.mark.soak
def test_a_repeat_that_fails_is_a_failed_run(tmp_path: Path) -> None:
    results = tmp_path / "results"
    command = cheap_runs.command(results, "cheap[fault=fail]", "--repeats", "2", seeds=1)
    done = cheap_runs.run(command)
    assert done.returncode == 1
    assert "3 runs failed" in done.stderr
    assert set(cheap_runs.statuses(results / "repeats").values()) == {"error"}
    again = cheap_runs.run([*command, "--retry", "failed"], GO_ON="/")
    assert again.returncode == 0, again.stderr
    assert set(cheap_runs.statuses(results / "repeats").values()) == {"completed"}


@pytest.mark.soak
def test_an_interrupt_among_the_repeats_ends_all_of_it(tmp_path: Path) -> None:
    results, made = tmp_path / "results", tmp_path / "made"
    command = cheap_runs.command(results, "cheap[fault=slow]", "--repeats", "2", seeds=1)
    process = cheap_runs.start(command, MADE=str(made))
    cheap_runs.wait_until(made.exists)
    children = cheap_runs.processes_of(process)
    process.terminate()
    _, error = process.communicate(timeout=cheap_runs.PATIENCE)
    assert process.returncode == 143
    assert "run the same command again to continue" in error
    cheap_runs.wait_until(lambda: cheap_runs.all_gone(children))
    assert started(results) == started(results / "repeats") == {}
    assert not list(cheap_runs.leftovers(results))
