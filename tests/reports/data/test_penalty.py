"""What a report says of runs that executed at a time."""

from __future__ import annotations

import math
from pathlib import Path

import pytest

from bench.records import load_results, write_experiment
from reports.data.penalty import penalty_notes
from reports.report import write_report
from tests.support import records as factories

PENALTY = {"at_a_time": 2, "relative": 0.041, "low": 0.012, "high": 0.09}


def stated(**changes: object) -> dict[str, object]:
    return {"concurrency": {"at_a_time": 2, "limit": 0.08, "penalty": PENALTY, **changes}}


def test_the_penalty_and_what_followed_from_it() -> None:
    (sentence,) = penalty_notes(stated())
    assert sentence == (
        "2 runs at a time changed the time of a training step by +4.1 %, the median of alternating "
        "rounds before the grid (95 % interval +1.2 % to +9.0 %), below the limit of 8.0 %: 2 runs "
        "executed at a time."
    )
    (refused,) = penalty_notes(stated(at_a_time=1, limit=0.03))
    assert refused.endswith("above the limit of 3.0 %: one run executed at a time.")
    (decided_by_the_user,) = penalty_notes(stated(limit=None))
    assert decided_by_the_user.endswith("(95 % interval +1.2 % to +9.0 %).")


@pytest.mark.parametrize(
    "strange",
    [
        {},
        {"concurrency": 2},
        {"concurrency": {"penalty": "much"}},
        {"concurrency": {"penalty": {**PENALTY, "low": math.nan}}},
        {"concurrency": {"penalty": {**PENALTY, "relative": "4 %"}}},
    ],
)
def test_without_a_penalty_nothing_is_said(strange: dict[str, object]) -> None:
    assert penalty_notes(strange) == []


@pytest.mark.usefixtures("sketches")
def test_every_report_says_it(tmp_path: Path) -> None:
    factories.write_results(tmp_path)
    experiment = load_results(tmp_path).experiment
    write_experiment(tmp_path / "experiment.yaml", {**experiment, **stated()})
    text = (write_report(tmp_path).folder / "report.md").read_text()
    assert "changed the time of a training step by +4.1 %" in text
