"""Every way in which a record can be damaged, and what is read of the others."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from bench import records
from bench.records import (
    DamagedRecord,
    load_results,
    read_record,
    write_record,
)
from tests.support import records as factories


def edit_row(folder: Path, **changes: object) -> None:
    content = json.loads((folder / "record.json").read_text())
    (folder / "record.json").write_text(json.dumps({**content, **changes}))


def cut_in_half(path: Path) -> None:
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])


DAMAGES = {
    "row_missing": (lambda run: (run / "record.json").unlink(), "No such file"),
    "row_cut": (lambda run: cut_in_half(run / "record.json"), "record.json"),
    "row_is_a_list": (lambda run: (run / "record.json").write_text("[]"), "not a JSON object"),
    "row_is_binary": (lambda run: (run / "record.json").write_bytes(b"\xff\xfe"), "record.json"),
    "deep": (lambda run: (run / "record.json").write_text("[" * 100_000), "record.json"),
    "nan_literal": (lambda run: edit_row(run, psnr=float("nan")), "NaN is not valid JSON"),
    "wrong_type": (lambda run: edit_row(run, psnr="high"), "psnr: 'high' is not float64"),
    "status": (lambda run: edit_row(run, status="done"), "unknown status 'done'"),
    "schema": (lambda run: edit_row(run, schema_version=9), "schema_version is 9"),
    "column": (lambda run: edit_row(run, speed=1), "unknown columns: 'speed'"),
    "run_id": (lambda run: edit_row(run, run_id="../../x"), "not a valid folder name"),
    "another": (lambda run: edit_row(run, run_id="other"), "differs from the name of its folder"),
    "curve_cut": (lambda run: cut_in_half(run / "curve.csv"), "curve.csv: truncated"),
    "curve_nul": (lambda run: (run / "curve.csv").write_bytes(b'"\0\n'), "curve.csv"),
    "curve_cells": (
        lambda run: (run / "curve.csv").write_text((run / "curve.csv").read_text() + "x,1\n"),
        "line 13 has 2 cells",
    ),
    "metrics_header": (lambda run: (run / "metrics.csv").write_text("a,b\n"), "metrics.csv: the h"),
    "metrics_value": (
        lambda run: (run / "metrics.csv").write_text(
            (run / "metrics.csv").read_text() + f"{run.name},1,name,high\n"
        ),
        "metrics.csv: could not convert",
    ),
    "metrics_cut": (lambda run: cut_in_half(run / "metrics.csv"), "metrics.csv: truncated"),
    "curve_header": (lambda run: (run / "curve.csv").write_text("a,b\n"), "header"),
    "samples_cut": (lambda run: cut_in_half(run / "samples.npz"), "samples.npz"),
    "samples_pickled": (
        lambda run: np.savez(run / "samples.npz", clean=np.array([{}], dtype=object)),
        "samples.npz",
    ),
    "samples_shape": (
        lambda run: np.savez(
            run / "samples.npz",
            **{name: np.zeros((1, 2), np.uint8) for name in ("clean", "observed")},
            **{name: np.zeros(1) for name in ("reconstruction", "psnr", "psnr_observed")},
        ),
        "one shape",
    ),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_record_is_named_and_the_good_one_kept(results: Path, damage: str) -> None:
    good = write_record(results, factories.run_record("ift"))
    bad = write_record(results, factories.run_record("jfb"))
    inflict, reason = DAMAGES[damage]
    inflict(bad)
    with pytest.raises(DamagedRecord):
        read_record(bad)
    loaded = load_results(results)
    assert list(loaded.runs["run_id"]) == [good.name]
    assert set(loaded.curves["run_id"]) == {good.name}
    (message,) = loaded.damaged
    assert bad.name in message
    assert reason in message
    assert "\n" not in message


class Trap:
    """Leaves a mark when it is unpickled."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> tuple[object, tuple[Path]]:
        return Path.touch, (self.mark,)


def test_samples_are_never_unpickled(results: Path) -> None:
    folder = write_record(results, factories.run_record())
    mark = results / "sprung"
    np.savez(folder / "samples.npz", clean=np.array([Trap(mark)], dtype=object))
    with pytest.raises(DamagedRecord):
        read_record(folder)
    assert not mark.exists()


def test_dtypes_are_declared_even_when_nothing_is_left(results: Path) -> None:
    edit_row(write_record(results, factories.run_record()), status="done")
    empty = load_results(results)
    (results / "filled").mkdir()
    filled = load_results(factories.write_results(results / "filled"))
    assert len(empty.runs) == 0
    for name in ("runs", "curves", "metrics"):
        assert getattr(empty, name).dtypes.to_dict() == getattr(filled, name).dtypes.to_dict()
    assert str(filled.runs["size"].dtype) == "int64"
    assert str(filled.runs["psnr"].dtype) == "float64"
    assert list(empty.gradients.columns) == list(records.GRADIENT_COLUMNS)


def test_a_damaged_experiment_is_listed_and_runs_are_kept(results: Path) -> None:
    write_record(results, factories.run_record())
    (results / "experiment.yaml").write_text("!!python/object:os.system {}")
    loaded = load_results(results)
    assert len(loaded.runs) == 1
    assert loaded.experiment == {}
    assert "experiment.yaml" in loaded.damaged[0]
