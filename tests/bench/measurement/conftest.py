"""What the tests of measured runs share."""

from __future__ import annotations

import pytest

from bench.measurement import calibration, evaluation


@pytest.fixture
def short_timings(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is repeated until its time is known well is made a few times: half of a tiny run."""
    monkeypatch.setattr(calibration, "SECONDS", 0.01)
    monkeypatch.setattr(evaluation, "SHORTEST_SECONDS", 0.001)
