"""A record that lacks a file, or holds one that is not as it was written, is named as damaged."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from bench import beside
from bench.records import (
    CONFIGURATIONS,
    DamagedRecord,
    Plan,
    damage_of,
    load_results,
    read_record,
    reading,
    write_experiment,
    write_plan,
    write_record,
)
from bench.records.wholeness import LISTED
from tests.support import records as factories

FILES = ("curve.csv", "steps.csv", "reconstruction.csv", "images.csv", "samples.npz")
CONFIG = {
    "train": {"steps": 100},
    "evaluate": {"images": factories.IMAGES, "samples": 1},
    "reconstruction_pass": True,
}


def flip(path: Path) -> None:
    """Another byte in the middle, which an archive notices by its own sums."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] = 0
    path.write_bytes(content)


def in_place_of(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink()
    make(path)


def without_last(path: Path) -> None:
    """One line less; of an archive, one byte."""
    content = path.read_bytes()
    lines = content.splitlines(keepends=True)
    path.write_bytes(b"".join(lines[:-1]) if path.suffix == ".csv" else content[:-1])


DAMAGES: dict[str, Callable[[Path], object]] = {
    "missing": Path.unlink,
    "empty": lambda path: path.write_bytes(b""),
    "cut": lambda path: os.truncate(path, path.stat().st_size // 2),
    "without its last row": without_last,
    "another byte": flip,
    "zeros": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "text": lambda path: path.write_text("not what was measured\n"),
    "a folder": lambda path: in_place_of(path, Path.mkdir),
    "a pipe": lambda path: in_place_of(path, os.mkfifo),
    "a link": lambda path: in_place_of(path, lambda link: link.symlink_to("/dev/zero")),
}


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A run as it was made, in a folder whose plan has it."""
    folder = tmp_path / "results"
    run = write_record(folder, factories.run_record())
    configurations = {"jfb": {"method": "jfb", "config": CONFIG}}
    write_experiment(folder / "experiment.yaml", {CONFIGURATIONS: configurations})
    write_plan(folder, Plan(configurations, {run.name: ("jfb", 0)}))
    return folder


def run_of(results: Path) -> Path:
    (run,) = (results / "runs").iterdir()
    return run


def judged(run: Path) -> str:
    return damage_of(str(run), factories.run_record().row | {"schema_version": 5}, CONFIG)


@pytest.mark.parametrize("listed", [True, False])
def test_a_whole_record_is_not_damaged(results: Path, listed: bool) -> None:
    run = run_of(results)
    if not listed:
        (run / "files.json").unlink()
    assert judged(run) == ""
    assert load_results(results).damaged == []
    assert read_record(run).row["psnr"] == 34.0


@pytest.mark.parametrize("damage", DAMAGES)
@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("listed", [True, False])
def test_a_damaged_file_is_named(results: Path, damage: str, file: str, listed: bool) -> None:
    run = run_of(results)
    if not listed:
        if (file, damage) == ("reconstruction.csv", "without its last row"):
            pytest.skip("only the list of its files says how many rows it had")
        (run / "files.json").unlink()
    DAMAGES[damage](run / file)
    assert f"{run.name}/{file}: " in judged(run)
    (message,) = load_results(results).damaged
    assert f"{run.name}/{file}: " in message
    assert load_results(results).runs.empty


@pytest.mark.parametrize("content", ["", "{", "[]", "{}", '{"curve.csv": 1}', "[" * 4000])
def test_a_damaged_list_is_named(results: Path, content: str) -> None:
    run = run_of(results)
    (run / "files.json").write_text(content)
    assert f"{run.name}/" in judged(run)
    assert len(load_results(results).damaged) == 1
    with pytest.raises(DamagedRecord):
        read_record(run)


def test_a_file_that_was_put_there_is_named(results: Path) -> None:
    run = write_record(results, factories.failed_record("jfb", 1))
    (run / "samples.npz").write_bytes((run_of_seed(results, 0) / "samples.npz").read_bytes())
    (message,) = load_results(results).damaged
    assert f"{run.name}/samples.npz: is not listed in files.json" in message


def run_of_seed(results: Path, seed: int) -> Path:
    return next((results / "runs").glob(f"*-s{seed}"))


def test_what_was_measured_before_there_was_a_list_needs_no_plan(results: Path) -> None:
    run = run_of(results)
    for name in ("files.json", "samples.npz"):
        (run / name).unlink()
    row = factories.run_record().row | {"schema_version": 5}
    assert damage_of(str(run), row, {}) == ""
    assert "samples.npz: is missing" in damage_of(str(run), row, CONFIG)
    assert damage_of(str(run), row | {"status": "timeout"}, CONFIG) == ""


def test_records_checked_beside_the_tables_are_judged_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    results = factories.write_results(tmp_path / "several")
    first, second, *_ = sorted((results / "runs").glob("*jfb*"))
    flip(first / "steps.csv")
    flip(second / "curve.csv")  # who reads the table says what is wrong in it
    flip(second / "steps.csv")
    here = load_results(results).damaged
    assert len(here) == 2
    monkeypatch.setattr(beside, "_can_fork", lambda: True)
    monkeypatch.setattr(reading, "MANY_RUNS", 1)
    judge, judged_here = reading.damage_of, []

    def note(*given: Any, **more: Any) -> str:
        judged_here.append(given)
        return judge(*given, **more)

    monkeypatch.setattr(reading, "damage_of", note)
    assert load_results(results).damaged == here
    assert judged_here == []


def test_every_file_of_a_record_is_listed(results: Path) -> None:
    run = run_of(results)
    assert {path.name for path in run.iterdir()} <= {*LISTED, "record.json", "files.json"}
    assert {*FILES, "memory.csv"} <= set(json.loads((run / "files.json").read_text()))


def test_the_reference_records_of_this_repository_are_whole() -> None:
    reference = Path(__file__).parents[3] / "results" / "reference" / "quick"
    for folder in (reference, reference / "repeats"):
        assert load_results(folder).damaged == []
