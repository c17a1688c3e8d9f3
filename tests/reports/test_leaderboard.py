"""One leaderboard of several results folders: what is written, and what is left out."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from pathlib import Path

import pandas as pd
import pytest

from bench.cli import run_command_line
from bench.errors import UserError
from bench.records import write_experiment, write_record
from reports.leaderboard import write_leaderboard
from tests.support import records as factories
from tests.support.command_line import refusal
from tests.support.hostile_records import write_hostile

FILES = {"index.html", "report.md", "leaderboard.csv", "leaderboard.md", "folders.csv"}


@pytest.fixture(scope="module")
def original(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return factories.write_results(tmp_path_factory.mktemp("original") / "laptop", seeds=4)


@pytest.fixture
def laptop(original: Path, tmp_path: Path) -> Path:
    return shutil.copytree(original, tmp_path / "laptop")


@pytest.fixture
def server(laptop: Path) -> Path:
    """Another machine, with one method, as a name that is markup has it."""
    folder = laptop.parent / "server"
    folder.mkdir()
    write_experiment(folder / "experiment.yaml", {**factories.EXPERIMENT, "commit": "<i>"})
    for seed in range(4):
        record = factories.run_record("jfb", seed, fingerprint="<b>other</b>")
        write_record(folder, replace(record, row={**record.row, "method": "<script>x</script>"}))
    return folder


def rows(out: Path) -> pd.DataFrame:
    return pd.read_csv(out / "leaderboard.csv", keep_default_na=False)


def test_every_method_of_every_folder_has_a_row(laptop: Path, server: Path, tmp_path: Path) -> None:
    out = tmp_path / "deep" / "out"
    made = write_leaderboard([laptop, server], out)
    assert (made.left_out, made.damaged, made.problems) == ([], [], [])
    assert {file.name for file in out.iterdir()} >= FILES
    found = rows(out)
    assert list(found["folder"]).count("laptop") == len(factories.METHODS)
    assert list(found["folder"]).count("server") == 1
    assert list(found["psnr_mean"]) == sorted(found["psnr_mean"], reverse=True)
    assert found.loc[found["label"] == "jfb", "verdict"].tolist() == ["reference"]
    assert "difference from jfb (dB)" in made.terminal


def test_nothing_from_a_record_is_markup(laptop: Path, server: Path, tmp_path: Path) -> None:
    write_leaderboard([laptop, server], tmp_path / "out")
    html = (tmp_path / "out" / "index.html").read_text()
    assert not re.search(r"<(script|b|i)>", html)
    assert "&lt;script&gt;x&lt;/script&gt;" in html
    assert "&lt;b&gt;other&lt;/b&gt;" in html


def test_settings_that_differ_are_named(laptop: Path, tmp_path: Path) -> None:
    other = shutil.copytree(laptop, tmp_path / "longer")
    changed = {**factories.EXPERIMENT, "config": {"train": {"steps": 200}}, "concurrency": {"a": 1}}
    write_experiment(other / "experiment.yaml", changed)
    write_leaderboard([laptop, other], tmp_path / "out")
    text = (tmp_path / "out" / "report.md").read_text()
    assert "Runs of longer have other settings than those of laptop: config.train.steps" in text
    assert "concurrency" not in text


def test_folders_of_one_name_are_told_apart(laptop: Path, tmp_path: Path) -> None:
    other = shutil.copytree(laptop, tmp_path / "elsewhere" / "laptop")
    write_leaderboard([laptop, other], tmp_path / "out")
    parents = {laptop.parent.name, "elsewhere"}
    assert set(rows(tmp_path / "out")["folder"]) == {f"{parent}/laptop" for parent in parents}


def test_folders_whose_names_are_written_alike_are_all_there(laptop: Path, tmp_path: Path) -> None:
    strange = [shutil.copytree(laptop, tmp_path / f"a{letter}") for letter in "\x1b\x07"]
    write_leaderboard(strange, tmp_path / "out")
    assert set(rows(tmp_path / "out")["folder"]) == {"a? #1", "a? #2"}


def test_what_cannot_be_read_is_named_and_the_rest_written(
    laptop: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    empty, out = tmp_path / "empty", tmp_path / "out"
    empty.mkdir()
    write_experiment(empty / "experiment.yaml", factories.EXPERIMENT)
    record = next((laptop / "runs").glob("*-tv-s0")) / "record.json"
    record.write_text("{")
    folders = [laptop, empty, tmp_path / "none", laptop]
    assert run_command_line(["report", *map(str, folders), "--out", str(out)]) == 2
    printed = capsys.readouterr()
    assert [line.partition(": ")[2].split(":")[0] for line in printed.err.splitlines()] == [
        *["left out"] * 3,
        "damaged record",
    ]
    for reason in ("has neither records", "none: no such results folder", "is given twice"):
        assert reason in printed.err
    assert printed.out.endswith(f"leaderboard: {out}\n")
    assert "no such results folder" in (out / "report.md").read_text()
    assert len(rows(out)) == len(factories.METHODS)


def test_an_earlier_leaderboard_is_kept_where_nothing_can_be_read(
    laptop: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    write_leaderboard([laptop], out)
    before = {file.name: file.read_bytes() for file in out.iterdir()}
    with pytest.raises(UserError, match=r"a: no such results folder; .*b: no such results folder"):
        write_leaderboard([tmp_path / "a", tmp_path / "b"], out)
    assert {file.name: file.read_bytes() for file in out.iterdir()} == before


def test_mistakes_are_one_line(
    laptop: Path, server: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ("report", laptop, server)
    (tmp_path / "file").touch()
    assert "choose another with --out" in refusal(capsys, *both, "--out", server)
    assert "cannot write the leaderboard" in refusal(capsys, *both, "--out", tmp_path / "file")
    assert "did you mean 'jfb'?" in refusal(capsys, *both, "--reference", "jfbb")
    assert "--target works only with one folder" in refusal(capsys, *both, "--target", "gain=5")
    assert "--watch works only with one folder" in refusal(capsys, *both, "--watch")
    assert "--out works only with several" in refusal(capsys, "report", laptop, "--out", tmp_path)


@pytest.mark.parametrize("case", [6, 11])
def test_extreme_numbers_and_names_have_their_rows(laptop: Path, tmp_path: Path, case: int) -> None:
    hostile = write_hostile(tmp_path / "hostile", case)
    made = write_leaderboard([laptop, hostile], tmp_path / "out")
    assert (made.left_out, made.problems) == ([], [])
    for text in (made.terminal, (tmp_path / "out" / "report.md").read_text()):
        assert {one for one in text if not one.isprintable()} <= {"\n"}
