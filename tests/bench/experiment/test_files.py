"""Where the files of a run are, and what becomes of a record that is replaced."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.experiment.files import archive
from bench.records import read_row
from tests.support.stored_runs import four_runs, store


@pytest.mark.usefixtures("registered")
def test_archived_records_do_not_overwrite_each_other(tmp_path: Path) -> None:
    spec = four_runs()[0]
    for number in range(3):
        store(tmp_path, spec, message=str(number))
        archive(tmp_path, spec.run_id)
    kept = sorted((tmp_path / "superseded").iterdir())
    messages = [json.loads((each / "record.json").read_text())["message"] for each in kept]
    assert messages == ["0", "1", "2"]
    assert read_row(tmp_path, spec.run_id) is None
