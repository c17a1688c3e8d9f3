"""A run whose record is not whole is made again, by the real command; the old record is kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from bench.records import read_record
from tests.support.cheap_runs import command, leftovers, run, statuses


@pytest.mark.soak
def test_a_record_that_is_not_whole_is_made_again_and_kept(tmp_path: Path) -> None:
    line = command(tmp_path, "cheap", seeds=3)
    assert run(line).returncode == 0
    intact, missing, garbled = sorted((tmp_path / "runs").iterdir())
    (missing / "images.csv").unlink()
    (garbled / "curve.csv").write_bytes(bytes(100))
    before = read_record(intact).row["started_at"]

    planned = run([*line, "--dry-run"]).stdout
    assert f"damaged {missing.name} ({missing}/images.csv: is missing)" in planned
    assert f"damaged {garbled.name} ({garbled}/curve.csv: " in planned
    assert "1 done, 2 damaged; 2 to run" in planned

    assert run(line).returncode == 0
    assert list(statuses(tmp_path).values()) == ["completed"] * 3
    assert read_record(intact).row["started_at"] == before
    assert read_record(missing).images
    assert read_record(garbled).curve
    kept = {path.name for path in (tmp_path / "superseded").iterdir()}
    assert kept == {f"{missing.name}.1", f"{garbled.name}.1"}
    assert (tmp_path / "superseded" / f"{garbled.name}.1" / "curve.csv").read_bytes() == bytes(100)
    assert list(leftovers(tmp_path)) == []
