"""The file that tells the job of each run: as it was written, and as a stranger may have."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from bench.errors import UserError
from bench.execution.slurm.jobs_file import read_jobs, write_jobs


@pytest.mark.parametrize(
    "content",
    [
        *("", "[]", "\xff", '{"jobs": [1]}', '{"jobs": {"a": "1; rm"}}', '{"jobs": {"a": 1}}'),
        *('{"jobs": {"a": "_1"}}', '{"jobs": {"a": "1_"}}', '{"jobs": {"a": "1\\n"}}'),
    ],
)
def test_a_strangers_jobs_are_refused_by_name(content: str, tmp_path: Path) -> None:
    (tmp_path / "slurm.json").write_text(content, encoding="latin-1")
    with pytest.raises(UserError, match=r"slurm\.json"):
        read_jobs(tmp_path)


def test_jobs_round_trip(tmp_path: Path) -> None:
    assert read_jobs(tmp_path) == {}
    write_jobs(tmp_path, {"a": "12_3", "b": "14"})
    assert read_jobs(tmp_path) == {"a": "12_3", "b": "14"}
    assert json.loads((tmp_path / "slurm.json").read_text())["jobs"]["a"] == "12_3"
