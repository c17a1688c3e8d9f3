from __future__ import annotations

import math

import numpy as np
import pytest

from bench.records import Results
from reports.data.dataset import Dataset
from reports.data.memory_law import law, memory_laws
from reports.tables.memory_law import memory_law_table
from tests.support import records as factories

COUNTS = np.array([5.0, 10.0, 20.0])


def test_an_exact_law_is_found() -> None:
    found = law(COUNTS, 30.0 + 2.5 * COUNTS)
    assert found["bytes_per_pixel"] == pytest.approx(30)
    assert found["bytes_per_pixel_per_iteration"] == pytest.approx(2.5)
    assert found["r_squared"] == pytest.approx(1)


def test_what_does_not_vary_has_no_slope_and_nothing_to_explain() -> None:
    found = law(COUNTS, np.array([30.0, 30.2, 30.0]))
    assert found["bytes_per_pixel_per_iteration"] == pytest.approx(0, abs=1e-2)
    assert math.isnan(found["r_squared"])


def test_a_slope_of_a_few_hundredths_is_one() -> None:
    found = law(COUNTS, 30.0 + 0.05 * COUNTS)
    assert found["bytes_per_pixel_per_iteration"] == pytest.approx(0.05)
    assert found["r_squared"] == pytest.approx(1)


def test_scatter_lowers_r_squared() -> None:
    counts = np.repeat(COUNTS, 2)
    found = law(counts, counts + np.array([1.0, -1.0] * 3))
    # Around the line 1 six times, in all 6 · 38.9 of the counts and 6: 1 - 6 / 239.3.
    assert found["r_squared"] == pytest.approx(1 - 6 / (6 * COUNTS.var() + 6))


def test_one_number_of_iterations_has_no_slope() -> None:
    found = law(np.array([5.0, 5.0]), np.array([10.0, 12.0]))
    assert found["bytes_per_pixel"] == 11
    assert math.isnan(found["bytes_per_pixel_per_iteration"])


def test_laws_of_synthetic_records(results: Results) -> None:
    laws = memory_laws(Dataset.of(results)).set_index("legend")
    assert list(laws.index) == list(factories.GRADIENT_METHODS)  # the order of reports
    pixels = 8 * 32 * 32 / 2**20  # a MiB for each of them
    assert laws.loc["unrolling", "bytes_per_pixel_per_iteration"] == pytest.approx(7 / pixels)
    assert laws.loc["jfb", "bytes_per_pixel"] == pytest.approx(20 / pixels)
    shown = memory_law_table(Dataset.of(results)).cells.set_index("method")
    assert shown.loc["jfb", "slope b (bytes/pixel/iteration)"] == "0"
    assert shown.loc["jfb", "R²"] == "—"
    assert shown.loc["unrolling", "R²"] == "1.0000"
    assert shown.loc["unrolling", "sizes (px)"] == "32"
    assert "tv" not in shown.index
