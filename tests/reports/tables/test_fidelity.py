from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from bench.records import Results
from reports.data.dataset import Dataset
from reports.tables.fidelity import fidelity_table


def test_a_row_per_gradient_method(results: Results) -> None:
    cells = fidelity_table(Dataset.of(results)).cells.set_index("method")
    assert list(cells.index) == ["jfb", "ift", "phantom", "unrolling"]
    assert cells.loc["jfb", "cosine"] == "0.800 (0.800–0.800)"
    assert cells.loc["unrolling", "cosine"] == "0.950"  # one seed has no range
    assert cells.loc["jfb", "relative error"] == "0.63"
    assert cells.loc["jfb", "difference from ift (dB)"].startswith("-1.00 [")
    assert cells.loc["jfb", "seeds won"] == "0/2"
    assert list(cells.loc["ift", ["difference from ift (dB)", "verdict", "seeds won"]]) == ["—"] * 3


def test_the_note_says_how_often_the_more_exact_gradient_ended_higher(results: Results) -> None:
    """0.8, 0.9, 0.95 and 1 go with 34, 34.5, 34.8 and 35 dB; the second seed lacks one."""
    (note,) = fidelity_table(Dataset.of(results)).notes
    assert "at the higher PSNR in 100 % [100, 100] of 9 pairs; chance is 50 %" in note
    assert "Within 1 combination of problem and layer, 0.1 more of cosine goes with 0.50" in note


@pytest.mark.parametrize("column", ["gradient_cosine", "psnr"])
def test_without_numbers_the_table_is_empty(results: Results, column: str) -> None:
    bare = replace(results, runs=results.runs.assign(**{column: np.nan}))
    table = fidelity_table(Dataset.of(bare))
    assert table.numbers.empty
    assert table.notes == []
