"""The table of metrics that methods report of their own."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest

from bench.records import RunRecord, load_results, write_experiment, write_record
from reports.data.dataset import Dataset
from reports.data.metrics import mean_metric, metric_values
from reports.stats.intervals import mean_interval
from reports.tables import metrics
from reports.tables.metrics import metrics_table
from tests.support import records as factories

Row = dict[str, object]


def dataset(folder: Path, *runs: tuple[str, int, list[Row]], **changes: object) -> Dataset:
    """Runs of (method, seed, metrics), each with its row alone besides."""
    write_experiment(folder / "experiment.yaml", {})
    for method, seed, rows in runs:
        row = factories.run_row(method, seed, **changes)
        write_record(folder, RunRecord(row, metrics=rows))
    return Dataset.of(load_results(folder))


def values(name: str, *each: float) -> list[Row]:
    return [{"step": 10 * at, "name": name, "value": value} for at, value in enumerate(each)]


def test_the_last_value_of_each_seed_is_averaged(tmp_path: Path) -> None:
    rows = values("rate", 9.0, 8.0)
    table = metrics_table(
        dataset(
            tmp_path,
            ("jfb", 0, [*reversed(rows), *values("scale", 1.0)]),  # in any order
            (
                "jfb",
                1,
                [*values("rate", 9.0, 9.0, 5.0), {"step": 20, "name": "rate", "value": 6.0}],
            ),
            ("phantom", 0, values("rate", 0.5)),
            ("tv", 0, []),
        )
    )
    expected = mean_interval(np.array([8.0, 6.0]))
    first, second, third = table.numbers.to_dict("records")
    assert [first["label"], first["metric"]] == ["jfb", "rate"]
    assert [first["last_value"], first["last_value_low"]] == [7.0, expected.low]
    assert [second["metric"], second["last_value"], second["seeds"]] == ["scale", 1.0, 1]
    assert [third["label"], third["last_value"]] == ["phantom", 0.5]
    cells = list(table.cells["last value"])
    assert cells == [f"7 [{expected.low:.4g}, {expected.high:.4g}]", "1", "0.5"]
    assert list(table.cells["seeds"]) == ["2/2", "1/1", "1/1"]


def test_values_that_are_no_numbers_are_counted_and_left_out(tmp_path: Path) -> None:
    (row,) = metrics_table(
        dataset(
            tmp_path,
            ("jfb", 0, values("rate", 2e-7)),
            ("jfb", 1, values("rate", math.inf)),
            ("jfb", 2, values("rate", math.nan)),
        )
    ).cells.to_dict("records")
    assert row["last value"] == "2e-07"
    assert row["seeds"] == "1/3"


def test_failed_runs_and_other_folders_have_no_metrics(tmp_path: Path) -> None:
    found = dataset(tmp_path, ("jfb", 0, values("rate", 1.0)), status="error")
    assert metrics_table(found).numbers.empty


def test_a_name_made_up_in_every_step_fills_no_page(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(metrics, "MOST_METRICS", 3)
    many = [{"step": at, "name": f"loss {at}", "value": 1.0} for at in range(5)]
    table = metrics_table(dataset(tmp_path, ("jfb", 0, many)))
    assert list(table.cells["metric"]) == ["loss 0", "loss 1", "loss 2"]
    assert table.notes == ["2 further metrics left out."]


def test_a_curve_is_the_mean_over_seeds_where_all_have_a_value(tmp_path: Path) -> None:
    found = dataset(
        tmp_path,
        ("jfb", 0, values("rate", 1.0, 2.0, 3.0)),
        ("jfb", 1, values("rate", 3.0, math.inf, 6.0, 7.0)),
    )
    mean = mean_metric(metric_values(found.runs, found.results.metrics))
    assert list(mean["step"]) == [0, 20]
    assert list(mean["mean"]) == [2.0, 4.5]
    assert list(mean["std"]) == [np.std([1, 3], ddof=1), np.std([3, 6], ddof=1)]
