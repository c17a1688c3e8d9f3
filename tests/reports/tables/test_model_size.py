"""The table of model sizes, on values worked out by hand."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from bench.records import Results
from reports.data.dataset import Dataset
from reports.tables.model_size import model_size_table

PARAMETERS = {"jfb": 5691.0, "unrolling": 5691.0, "pnp_admm": 14281.0}
FLOPS = {"jfb": (20e6, 24e6), "unrolling": (30e6, 90e6), "pnp_admm": (1.2e9, 1.2e9)}  # of 2 seeds


@pytest.fixture
def sized(results: Results) -> Results:
    runs = results.runs
    flops = [
        FLOPS.get(method, (math.nan,) * 2)[seed]
        for method, seed in zip(runs["method"], runs["seed"], strict=True)
    ]
    parameters = runs["method"].map(PARAMETERS).astype("float64")
    return replace(results, runs=runs.assign(parameters=parameters, flops_per_image=flops))


def test_methods_with_a_network_are_shown_with_their_size(sized: Results) -> None:
    shown = model_size_table(Dataset.of(sized)).cells.set_index("method")
    assert list(shown.index) == ["jfb", "unrolling", "pnp_admm"]  # tv has nothing to learn
    assert shown.loc["jfb", "parameters"] == "5691"
    assert shown.loc["jfb", "operations per image (MFLOP)"] == "22.0"
    assert shown.loc["pnp_admm", "time per image (ms)"] == "14.0"


def test_runs_that_failed_do_not_count(sized: Results) -> None:
    shown = model_size_table(Dataset.of(sized)).cells.set_index("method")
    assert shown.loc["unrolling", "operations per image (MFLOP)"] == "30.0"  # seed 1 has failed


def test_records_without_sizes_make_an_empty_table(results: Results) -> None:
    assert model_size_table(Dataset.of(results)).numbers.empty
