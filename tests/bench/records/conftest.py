from __future__ import annotations

from pathlib import Path

import pytest

from bench import records
from tests.support import records as factories


@pytest.fixture
def results(tmp_path: Path) -> Path:
    """A results folder without a run."""
    records.write_experiment(tmp_path / "experiment.yaml", factories.EXPERIMENT)
    return tmp_path
