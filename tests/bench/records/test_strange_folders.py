"""Results folders from strangers: pipes, links, bombs and giants are named, not opened."""

from __future__ import annotations

import io
import json
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from bench.errors import UserError
from bench.execution.slurm.jobs_file import read_jobs
from bench.records import (
    DamagedRecord,
    load_results,
    read_experiment,
    read_plan,
    read_record,
    read_rows,
    write_experiment,
    write_record,
)
from bench.records.files import JOBS, LIMITS, MOST_DEPTH
from bench.records.samples import IMAGES, MOST_BYTES, PSNRS
from tests.support import records as factories
from tests.support.strange_places import listening

pytestmark = pytest.mark.timeout(30)  # a pipe would hang for ever
RUN = "motion-32-degrad-jfb-s0"


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """Two runs, one of which is to be damaged, and a secret outside."""
    folder = tmp_path / "results"
    folder.mkdir()
    (tmp_path / "secret").write_text("secret")
    write_experiment(folder / "experiment.yaml", factories.EXPERIMENT)
    for method in ("ift", "jfb"):
        write_record(folder, factories.run_record(method))
    return folder


def replaced(path: Path, make: Callable[[Path], object]) -> None:
    path.unlink(missing_ok=True)
    make(path)


KINDS: dict[str, tuple[Callable[[Path], object], str]] = {
    "pipe": (os.mkfifo, "is a pipe"),
    "folder": (Path.mkdir, "is a folder"),
    "socket": (listening, "is a socket"),
    "link outside": (lambda path: path.symlink_to("../../../secret"), "is a symbolic link"),
    "link to a device": (lambda path: path.symlink_to("/dev/zero"), "is a symbolic link"),
    "link to nowhere": (lambda path: path.symlink_to("nowhere"), "is a symbolic link"),
}
TABLES = (
    "curve.csv",
    "reconstruction.csv",
    "memory.csv",
    "images.csv",
    "metrics.csv",
    "pictures.csv",
)
FILES = ("record.json", "files.json", *TABLES, "steps.csv", "samples.npz", "pictures.npz")


@pytest.mark.parametrize("file", FILES)
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_file_is_named_and_the_other_run_kept(
    results: Path, kind: str, file: str
) -> None:
    make, reason = KINDS[kind]
    replaced(results / "runs" / RUN / file, make)
    loaded = load_results(results)
    (message,) = loaded.damaged
    assert f"{RUN}/{file}: {reason}" in message
    assert len(loaded.runs) == 1
    assert RUN not in set(loaded.curves["run_id"]) | set(loaded.memory["run_id"])
    with pytest.raises(DamagedRecord, match=reason):
        read_record(results / "runs" / RUN)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("file", ["experiment.yaml", "plan.json", "gradients.csv"])
def test_files_of_the_experiment_likewise(results: Path, kind: str, file: str) -> None:
    make, reason = KINDS[kind]
    replaced(results / file, make)
    loaded = load_results(results)
    assert len(loaded.runs) == 2
    assert any(f"{file}: {reason}" in message for message in loaded.damaged)


@pytest.mark.parametrize("file", [name for name in LIMITS if name != JOBS])
def test_a_giant_is_refused_before_it_is_read(results: Path, file: str) -> None:
    top = file in ("experiment.yaml", "plan.json", "gradients.csv")
    path = results / file if top else results / "runs" / RUN / file
    with path.open("ab") as giant:
        giant.truncate(LIMITS[file] + 1)  # sparse: it takes no room
    loaded = load_results(results)
    (message,) = loaded.damaged
    assert f"{file}: is too large: {LIMITS[file] + 1} bytes" in message


def test_a_giant_list_of_jobs_is_refused(results: Path) -> None:
    with (results / JOBS).open("ab") as giant:
        giant.truncate(LIMITS[JOBS] + 1)
    with pytest.raises(UserError, match="is too large"):
        read_jobs(results)


def test_a_run_folder_that_is_a_link_is_named_and_not_followed(results: Path) -> None:
    outside = results.parent / "outside"
    (results / "runs" / RUN).rename(outside)
    (results / "runs" / RUN).symlink_to(outside)
    for rows, damaged in (_rows_alone(results), _loaded(results)):
        assert len(rows) == 1
        assert "is a symbolic link" in damaged[0]
    with pytest.raises(DamagedRecord, match="symbolic link"):
        read_record(results / "runs" / RUN)


def test_a_link_in_place_of_all_runs_is_named(results: Path) -> None:
    (results / "runs").rename(results.parent / "runs")
    (results / "runs").symlink_to(results.parent / "runs")
    for rows, damaged in (_rows_alone(results), _loaded(results)):
        assert len(rows) == 0
        assert "is a symbolic link" in damaged[0]


def _rows_alone(results: Path) -> tuple[list[dict[str, object]], list[str]]:
    rows, damaged = read_rows(results)
    return rows, list(damaged.values())


def _loaded(results: Path) -> tuple[object, list[str]]:
    loaded = load_results(results)
    return loaded.runs, loaded.damaged


def test_a_results_folder_may_itself_be_a_link(results: Path) -> None:
    (results.parent / "link").symlink_to(results)
    assert load_results(results.parent / "link").damaged == []


def test_rows_are_read_without_any_table(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cell = results / "runs" / RUN / "curve.csv"
    cell.write_text("not a curve\n")
    opened: list[str] = []
    open_file = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *a: opened.append(str(path)) or open_file(path, *a)
    )
    rows, damaged = _rows_alone(results)
    assert sorted(Path(each).name for each in opened) == ["record.json", "record.json"]
    assert [row["run_id"] for row in rows] == sorted(os.listdir(results / "runs"))
    assert damaged == []
    assert rows[1]["psnr"] == 34.0
    (results / "runs" / RUN / "record.json").write_text("{")
    rows, (message,) = _rows_alone(results)
    assert len(rows) == 1
    assert RUN in message


def test_each_file_of_a_run_is_opened_once(results: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What ten thousand runs take grows with the files that are opened."""
    opened: list[str] = []
    open_file = os.open
    monkeypatch.setattr(
        os, "open", lambda path, *a: opened.append(str(path)) or open_file(path, *a)
    )
    load_results(results)
    of_run = [path for path in opened if RUN in path]
    assert sorted(Path(path).name for path in of_run) == sorted(FILES)


def test_a_terminal_is_not_steered_by_a_name(results: Path) -> None:
    (results / "runs" / "\x1b[2J\x07\udcff").mkdir()
    (results / "runs" / RUN / "record.json").write_text('"\x1b]0;\x07"')
    for message in load_results(results).damaged:
        assert message.isprintable()
        message.encode("utf-8")


def test_a_long_content_is_not_quoted_whole(results: Path) -> None:
    path = results / "runs" / RUN / "record.json"
    content = json.loads(path.read_text())
    for change in ({"psnr": "x" * 200_000}, {"x" * 200_000: 1}, {"status": "y" * 200_000}):
        path.write_text(json.dumps({**content, **change}))
        (message,) = load_results(results).damaged
        assert len(message) < 700


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"seed": 10**30}, "seed"),
        ({"psnr": 1e300}, "psnr: 1e.300 is not float64"),
        ({"schema_version": 10**30}, "schema_version"),
        ({"run_id": "../../../secret"}, "run_id"),
        ({"method": ["jfb"]}, "method"),
    ],
)
def test_wrong_values_are_named(results: Path, change: dict[str, object], reason: str) -> None:
    path = results / "runs" / RUN / "record.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}))
    with pytest.raises(DamagedRecord, match=reason):
        read_record(results / "runs" / RUN)
    assert len(load_results(results).runs) == 1


@pytest.mark.parametrize("damage", ["1e200", "nan,1", "", "x", "0x1", '"1"2', "1\r", "1\0"])
def test_every_cell_of_a_table_is_checked(results: Path, damage: str) -> None:
    path = results / "runs" / RUN / "curve.csv"
    lines = path.read_text().splitlines()
    cells = lines[5].split(",")
    lines[5] = ",".join([cells[0], damage, *cells[2:]])
    path.write_text("\n".join(lines) + "\n")
    (message,) = load_results(results).damaged
    assert f"{RUN}/curve.csv: " in message
    with pytest.raises(DamagedRecord, match=r"curve\.csv"):
        read_record(results / "runs" / RUN)


def test_a_row_of_another_run_is_named(results: Path) -> None:
    path = results / "runs" / RUN / "curve.csv"
    path.write_text(path.read_text().replace(f"{RUN},20", f"{RUN}x,20"))
    (message,) = load_results(results).damaged
    assert f"{RUN}/curve.csv: a row belongs to another run" in message


def test_a_missing_cell_is_not_made_up_by_the_next_line(results: Path) -> None:
    # A run may be named by a number, so that shifted cells are all numbers still.
    path = write_record(results, factories.run_record(run_id="7")) / "memory.csv"
    header = path.read_text().splitlines()[0]
    path.write_text(f"{header}\n7,5,8\n7,10,8,100,1\n")
    (message,) = load_results(results).damaged
    assert "7/memory.csv: line 2 has 3 cells instead of 4" in message


def test_the_columns_are_those_of_a_reading_cell_by_cell(results: Path) -> None:
    wild = factories.run_record("phantom")
    wild.curve[1].update(loss=float("inf"), psnr=1e-310, residual=-0.0, ssim=0.1 + 0.2)
    folder = write_record(results, wild)
    loaded = load_results(results)
    curve = loaded.curves[loaded.curves["run_id"] == folder.name].to_dict("records")
    for read, expected in zip(curve, read_record(folder).curve, strict=True):
        assert repr(read) == repr(expected)


def test_empty_cells_of_hand_made_tables_are_missing_numbers(results: Path) -> None:
    path = results / "runs" / RUN / "curve.csv"
    path.write_text(path.read_text().replace(",nan", ","))
    path.with_name("files.json").unlink()
    loaded = load_results(results)
    assert loaded.damaged == []
    assert loaded.curves["residual"].isna().all()


# --------------------------------------------------------------------------------------- samples


def archive(arrays: dict[str, np.ndarray], **written: bytes) -> bytes:
    content = io.BytesIO()
    np.savez_compressed(content, **arrays)
    with zipfile.ZipFile(content, "a", zipfile.ZIP_DEFLATED) as file:
        for name, data in written.items():
            file.writestr(f"{name}.npy", data)
    return content.getvalue()


def honest(without: str = "") -> dict[str, np.ndarray]:
    images = dict.fromkeys(IMAGES, np.zeros((1, 1, 4, 4), np.uint8))
    arrays = images | dict.fromkeys(PSNRS, np.zeros(1))
    return {name: array for name, array in arrays.items() if name != without}


def header(shape: str, kind: str = "|u1") -> bytes:
    text = f"{{'descr': '{kind}', 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text


BOMBS = {
    "declared": (archive(honest("clean"), clean=bytes(MOST_BYTES + 1)), "is too large"),
    "shape": (
        archive(honest("clean"), clean=header("(99999999, 9999999, 9, 9)")),
        "does not match its shape",
    ),
    "huge side": (archive(honest("clean"), clean=header(f"({'9' * 5000}, 1)")), "not an array"),
    "object": (archive(honest("clean"), clean=header("(1,)", "|O")), "not an array"),
    "code": (archive(honest("clean"), clean=header("(__import__('os'),)")), "not an array"),
    "a name more": (archive(honest(), more=b"x"), "must contain exactly"),
    "a name less": (archive(honest("psnr")), "must contain exactly"),
    "colours": (
        archive(honest() | dict.fromkeys(IMAGES, np.zeros((1, 2, 4, 4), "u1"))),
        "channels",
    ),
    "no pixels": (
        archive(honest() | dict.fromkeys(IMAGES, np.zeros((1, 1, 0, 4), "u1"))),
        "channels",
    ),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_archives_are_not_believed(results: Path, bomb: str) -> None:
    content, reason = BOMBS[bomb]
    (results / "runs" / RUN / "samples.npz").write_bytes(content)
    (message,) = load_results(results).damaged
    assert f"{RUN}/samples.npz: " in message
    assert reason in message


def test_an_archive_that_declares_less_than_it_holds_is_refused(results: Path) -> None:
    content = archive(honest())
    size = len(honest()["clean"].tobytes()) + 128
    lying = content.replace(size.to_bytes(4, "little"), (1).to_bytes(4, "little"))
    assert lying != content
    (results / "runs" / RUN / "samples.npz").write_bytes(lying)
    assert len(load_results(results).damaged) == 1


# ------------------------------------------------------------------------------ experiment, plan

LAUGHS = "a: &a [x, x, x]\n" + "".join(
    f"b{n}: &b{n} [{', '.join([f'*b{n - 1}' if n else '*a'] * 9)}]\n" for n in range(12)
)
EXPERIMENTS = {
    "aliases": (LAUGHS, "alias"),
    "an anchor": ("a: &x 1\n", "alias"),
    "deep": ("a: " + "[" * 1000 + "]" * 1000 + "\n", "more than 40 levels"),
    "an object": ("a: !!python/object/apply:os.system ['true']\n", "could not determine"),
    "bytes": ("a: !!binary eHh4\n", "bytes"),
    "a set": ("a: !!set {x, y}\n", "set"),
    "a number as a key": ("1: 2\n", "not text"),
    "a huge integer": (f"a: 0x{'f' * 6000}\n", "beyond"),
    "digits": (f"a: {'9' * 6000}\n", "digits"),
    "a list": ("[1]\n", "not a mapping"),
    "no UTF-8": ("a: \udcff\n", "codec"),
    "NUL": ("a: \0\n", "control characters"),
    "no such day": ("a: 2026-02-31\n", "day"),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_experiments_are_plain(results: Path, name: str) -> None:
    text, reason = EXPERIMENTS[name]
    (results / "experiment.yaml").write_bytes(text.encode("utf-8", "surrogateescape"))
    with pytest.raises(UserError, match=reason):
        read_experiment(results / "experiment.yaml")
    loaded = load_results(results)
    assert loaded.experiment == {}
    assert len(loaded.runs) == 2


def test_an_experiment_may_be_as_deep_as_it_says(results: Path) -> None:
    deep = "[" * (MOST_DEPTH - 1) + "]" * (MOST_DEPTH - 1)
    (results / "experiment.yaml").write_text(f"a: {deep}\n")
    assert read_experiment(results / "experiment.yaml")


@pytest.mark.parametrize(
    "text",
    [
        "[" * 100_000,
        '{"runs": []}',
        '{"runs": {"../x": ["a", 0]}}',
        '{"runs": {"x": ["a", true]}}',
        f'{{"runs": {{"x": ["a", {10**30}]}}}}',
        f'{{"runs": {{"x": ["a", {"9" * 6000}]}}}}',
        '{"runs": {"x": "a"}}',
    ],
)
def test_a_plan_that_is_none_is_named(results: Path, text: str) -> None:
    (results / "plan.json").write_text(text)
    with pytest.raises(UserError, match=r"plan\.json"):
        read_plan(results)
    loaded = load_results(results)
    assert loaded.plan.runs == {}
    assert len(loaded.runs) == 2
