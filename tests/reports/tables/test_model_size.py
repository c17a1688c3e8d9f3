"""The table of model sizes, on values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from bench.records import Results
from reports.data.dataset import Dataset
from reports.tables.model_size import model_size_table

OPERATIONS = "operations per image (MFLOP)"


def shown(results: Results) -> pd.DataFrame:
    return model_size_table(Dataset.of(results)).cells.set_index("method")


@pytest.fixture
def uneven(results: Results) -> Results:
    """The second seed takes twice as many iterations."""
    runs = results.runs
    return replace(results, runs=runs.assign(flops_per_image=2e7 * (1 + runs["seed"])))


def test_methods_with_a_network_are_shown_with_their_size(results: Results) -> None:
    table = shown(results)
    assert list(table.index) == ["jfb", "ift", "phantom", "unrolling", "dncnn", "pnp_admm"]
    assert table.loc["dncnn", "parameters"] == "56097"
    assert table.loc["pnp_admm", OPERATIONS] == "1156"
    assert table.loc["pnp_admm", "time per image (ms)"] == "14.0"


def test_operations_are_a_mean_over_the_seeds_that_completed(uneven: Results) -> None:
    table = shown(uneven)
    assert table.loc["jfb", OPERATIONS] == "30.0"
    assert table.loc["unrolling", OPERATIONS] == "20.0"  # seed 1 has failed


def test_records_without_sizes_make_an_empty_table(results: Results) -> None:
    bare = replace(results, runs=results.runs.assign(parameters=math.nan))
    assert model_size_table(Dataset.of(bare)).numbers.empty
