"""What a report says of times that were not measured as usual."""

from __future__ import annotations

import math
from pathlib import Path

import pandas as pd
import pytest

from bench.records import RunRecord, load_results, write_record
from reports.data.circumstances import load_notes, most_at_a_time, timing_notes
from reports.data.dataset import Dataset
from reports.figures.psnr_vs_time import headline
from reports.figures.view import views
from reports.report import write_report
from tests.support import records as factories


def runs(**changes: object) -> pd.DataFrame:
    usual = {"concurrency": 1.0, "device_name": "A chip", "resumptions": 0.0, "disturbed": False}
    rows = [{**factories.run_row("jfb", seed), **usual} for seed in range(3)]
    return pd.DataFrame([*rows, {**rows[0], **changes}])


def test_usual_times_have_no_note() -> None:
    assert timing_notes(runs()) == []
    assert most_at_a_time(runs()) == 1


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (
            {"concurrency": 4.0},
            "concurrency: 1 of 4 runs shared their machine with others, up to 4",
        ),
        (
            {"device_name": "B\x1b chip"},
            "several devices and are not comparable: A chip (3), B? chip (1)",
        ),
        ({"resumptions": 2.0}, "1 training resumed from a checkpoint"),
        (
            {"fingerprint": "cafe"},
            "machines with several fingerprints: 0123456789ab (3), cafe (1). Times",
        ),
        ({"disturbed": True}, "† disturbed: 1 of 4 runs"),
    ],
)
def test_what_is_not_usual_has_a_note(changes: dict[str, object], expected: str) -> None:
    (sentence,) = timing_notes(runs(**changes))
    assert expected in sentence


def test_older_records_have_no_note() -> None:
    nothing = {
        **dict.fromkeys(("concurrency", "resumptions", "load_average"), math.nan),
        **dict.fromkeys(("device_name", "fingerprint"), ""),
    }
    table = runs(**nothing)
    assert timing_notes(table.assign(**nothing)) == []
    assert most_at_a_time(table.assign(**nothing)) == 1
    assert load_notes(table.assign(**nothing), {}) == []


def test_the_load_is_stated_with_the_cores_where_they_are_known() -> None:
    table = runs().assign(load_average=[0.44, 1.31, math.nan, 0.9])
    said = "The load average when runs started was 0.4 to 1.3"
    assert load_notes(table, {"machine": {"logical_cores": 2}}) == [f"{said} (2 cores)."]
    for strange in ({}, {"machine": 3}, {"machine": {"logical_cores": "many"}}):
        assert load_notes(table, strange) == [f"{said}."]
    assert load_notes(table.assign(load_average=1.0), {}) == [
        "The load average when runs started was 1.0."
    ]


@pytest.mark.usefixtures("sketches")
def test_tables_and_figures_say_it(tmp_path: Path) -> None:
    factories.write_results(tmp_path)
    row = factories.run_row("jfb", seed=0, concurrency=2.0)
    write_record(tmp_path, RunRecord(row, factories.run_record("jfb", seed=0).curve))
    told = "shared their machine with others, up to 2 at a time"
    result = write_report(tmp_path)
    assert told in " ".join(result.terminal.split())
    assert (result.folder / "report.md").read_text().count(told) == 3
    (view,) = views(Dataset.of(load_results(tmp_path), "best-0.5"))
    assert headline(view).endswith("; timed with up to 2 concurrent runs")
    assert (
        "The load average when runs started was 0.4 to 0.5 (2 cores)."
        in (result.folder / "report.md").read_text()
    )
