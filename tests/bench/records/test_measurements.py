"""The measurements of gradients in a results folder."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from bench import records
from bench.records import (
    load_results,
    write_record,
)
from tests.support import gradient_rows
from tests.support import records as factories


def test_measurements_make_the_round_trip_without_a_run(results: Path) -> None:
    rows = gradient_rows.study_rows(seeds=1)
    records.write_gradients(results, rows)
    loaded = load_results(results)
    assert loaded.runs.empty
    assert loaded.damaged == []
    assert loaded.gradients.dtypes.to_dict() == {
        name: pd.Series(dtype=dtype).dtype for name, dtype in records.GRADIENT_COLUMNS.items()
    }
    assert len(loaded.gradients) == len(rows)
    assert list(loaded.gradients["cosine"]) == [row["cosine"] for row in rows]
    unrolled = loaded.gradients[loaded.gradients["method"] == "unrolling"]
    assert unrolled["tolerance"].isna().all()
    assert sorted(path.name for path in results.iterdir()) == ["experiment.yaml", "gradients.csv"]


def test_a_failed_measurement_needs_no_numbers(results: Path) -> None:
    known = ("problem", "size", "layer", "method", "seed", "state", "batch_size")
    row = {name: gradient_rows.row()[name] for name in known}
    records.write_gradients(results, [{**row, "status": "error", "message": 'a "b", c'}])
    (read,) = records.read_gradients(results)
    assert read["message"] == 'a "b", c'
    assert math.isnan(read["cosine"])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"status": "fine"}, "unknown status 'fine'"),
        ({"status": None}, "are missing: status"),
        ({"speed": 1.0}, "unknown columns: 'speed'"),
        ({"cosine": "1"}, "cosine: '1' is not float64"),
    ],
)
def test_a_wrong_measurement_is_refused_and_the_earlier_ones_stay(
    results: Path, change: dict[str, object], message: str
) -> None:
    records.write_gradients(results, [gradient_rows.row()])
    with pytest.raises(ValueError, match=message):
        records.write_gradients(results, [{**gradient_rows.row("ift"), **change}])
    (kept,) = records.read_gradients(results)
    assert kept["method"] == "jfb"


def test_a_failing_write_of_measurements_leaves_the_earlier_ones(
    results: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    records.write_gradients(results, [gradient_rows.row()])

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(OSError, match="disk full"):
        records.write_gradients(results, [])
    assert len(records.read_gradients(results)) == 1
    assert not list(results.glob(".tmp*"))


@pytest.mark.parametrize(
    ("damage", "reason"),
    [
        (lambda text: text[: len(text) // 2], "truncated"),
        (lambda text: text.replace("completed", "done"), "unknown status 'done'"),
        (lambda text: text.replace("cosine", "cosinus"), "header"),
    ],
)
def test_damaged_measurements_are_named_and_the_runs_kept(
    results: Path, damage: Callable[[str], str], reason: str
) -> None:
    write_record(results, factories.run_record())
    records.write_gradients(results, [gradient_rows.row()])
    path = results / "gradients.csv"
    path.write_text(damage(path.read_text()))
    loaded = load_results(results)
    assert len(loaded.runs) == 1
    assert loaded.gradients.empty
    (message,) = loaded.damaged
    assert "gradients.csv" in message
    assert reason in message
